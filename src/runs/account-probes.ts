// Everything that an account asks its venue beside its orders: what became of orders in doubt, fills that a word counts and nobody has
// sent, look-ups, and the comparison of records with the venue at a start and ever after. Answers go to the writer; nothing is decided here.

import { splitSymbol } from '../core/market/instrument.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import type { OrderRecord, SavedIntent } from '../engine/account-store.ts'
import { balanceTotals } from '../engine/reconciliation/compare-holdings.ts'
import { matchWithoutId, type SourceAnswer } from '../engine/reconciliation/doubt.ts'
import { fillKey } from '../engine/reconciliation/evidence.ts'
import type { VenueReport } from '../engine/reconciliation/report.ts'
import {
  type AbsenceSource,
  type CallClass,
  type FillsPage,
  type Listing,
  type VenueBalance,
  VenueError,
  type VenueFill,
  type VenueOrder,
  type VenueOrderRef,
} from '../engine/venue.ts'
import type { ProbeResult } from './account-doubt.ts'
import type { AccountRunDeps } from './account-ports.ts'
import type { AccountReport } from './account-report.ts'
import type { AccountWriter } from './account-writer.ts'
import { Kick } from './kick.ts'
import { nap } from './outage.ts'
import { readPatiently } from './retry.ts'
import type { VenueClock } from './venue-clock.ts'

const RECONCILE_MS = 60_000
/** While the venue does not tell what happens. */
const RECONCILE_STALE_MS = 10_000
const BALANCES_MS = 300_000
/** A second report counts only this long after the first. */
const SECOND_REPORT_MS = 6000
/** Reports of a start before it goes on with what is still different: entries wait, exits do not. */
const FIRST_REPORTS = 3
/** How long exits wait for the first comparison at most. */
const FIRST_REPORTS_MS = 60_000
const MAX_PAGES = 1000
/** How far back orders are looked for that a restored backup does not know. */
const LOST_TIME_MS = 7 * 24 * 3_600_000
const IDLE_MS = 3_600_000

export class AccountProbes {
  readonly #writer: AccountWriter
  readonly #deps: AccountRunDeps
  readonly #venueClock: VenueClock
  readonly #wanted: Kick
  readonly #doubted: Kick
  readonly #compared: Kick
  #reports = 0
  #balancesAtMs = Number.NEGATIVE_INFINITY
  #reconciledAtMs = Number.NEGATIVE_INFINITY
  #reconciling: Promise<void> | null = null

  constructor(writer: AccountWriter, venueClock: VenueClock, deps: AccountRunDeps) {
    this.#venueClock = venueClock
    this.#writer = writer
    this.#deps = deps
    this.#wanted = new Kick(deps.clock)
    this.#doubted = new Kick(deps.clock)
    this.#compared = new Kick(deps.clock)
  }

  /** There may be something to ask. */
  kick(): void {
    this.#wanted.kick()
    this.#doubted.kick()
    if (this.#writer.comparisonDueMs !== null) this.#compared.kick()
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#askWhatIsWanted(signal), this.#askInDoubt(signal), this.#reconcileAgain(signal)])
  }

  /**
   * Until records and venue agree, or three whole reports have shown what does not, or a minute has passed: exits must not wait for a venue
   * that does not tell everything. Entries do: what was not compared counts as a difference.
   */
  async firstReconciliation(signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const both = AbortSignal.any([signal, over.signal])
    const reports = async (): Promise<void> => {
      for (let whole = 0; whole < FIRST_REPORTS && !both.aborted; ) {
        const isWhole = await this.#report(true, signal)
        if (isWhole) whole += 1
        const isClean = this.#writer.openDifferences === 0 && this.#writer.probeRequests.length === 0 && !this.#hasMisses()
        if (isWhole && isClean) return
        await nap(this.#deps.clock, SECOND_REPORT_MS, both)
      }
    }
    const first = reports().finally(() => over.abort())
    await Promise.race([first, nap(this.#deps.clock, FIRST_REPORTS_MS, both)])
    over.abort()
    // One that is still asking goes on; its answers are taken as any later report's.
    first.catch(() => {})
  }

  /**
   * After a restored backup: orders of the lost time join their deals before anything is booked or decided, so that nothing new takes
   * their places.
   */
  async adoptLost(signal: AbortSignal): Promise<void> {
    const orders = [
      ...((await this.#read('P3', () => this.#deps.venue.openOrders(), signal))?.rows ?? []),
      ...((await this.#read('P3', () => this.#deps.venue.history(this.#venueClock.now() - LOST_TIME_MS), signal))?.rows ?? []),
    ]
    if (!signal.aborted) await this.#writer.do('orders', { kind: 'lost_orders', orders })
  }

  /** One comparison now; a running one is waited for. */
  async reconcile(signal: AbortSignal): Promise<void> {
    this.#reconciling ??= this.#report(true, signal)
      .then(() => {})
      .finally(() => {
        this.#reconciling = null
      })
    await this.#reconciling
  }

  async #reconcileAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isHurried = this.#writer.openDifferences > 0 || !this.#writer.isStreaming || this.#hasMisses()
      const everyMs = isHurried ? RECONCILE_STALE_MS : RECONCILE_MS
      const askedMs = this.#writer.comparisonDueMs ?? Number.POSITIVE_INFINITY
      const waitMs = Math.min(this.#reconciledAtMs + everyMs, askedMs) - this.#deps.clock.monotonic()
      if (waitMs > 0 || this.#writer.stage === 'starting' || this.#writer.stage === 'reconciling') {
        await this.#compared.wait(Math.min(Math.max(waitMs, 1000), RECONCILE_STALE_MS), signal)
        continue
      }
      const hasDifferences = this.#writer.openDifferences > 0
      const isAsked = askedMs <= this.#deps.clock.monotonic()
      if (isAsked) this.#writer.comparisonDueMs = null
      const wantsBalances = isAsked || hasDifferences || this.#deps.clock.monotonic() - this.#balancesAtMs >= BALANCES_MS
      // Right after an order moved nothing can be judged by balances; bots that act each minute would always be in the way.
      const settledInMs = this.#writer.records.lastTouchedAtMs + SECOND_REPORT_MS - this.#venueClock.now()
      if (wantsBalances && settledInMs > 0) await nap(this.#deps.clock, settledInMs, signal)
      await this.#report(wantsBalances, signal)
    }
  }

  /** An order of ours was not listed: it may be a stop, and only a second report tells. */
  #hasMisses(): boolean {
    return Object.keys(this.#writer.reconcileMemory.misses).length > 0
  }

  /** @returns whether every section that was asked for is complete. */
  async #report(withBalances: boolean, signal: AbortSignal): Promise<boolean> {
    const { venue, clock } = this.#deps
    this.#reconciledAtMs = clock.monotonic()
    const atMs = this.#venueClock.now()
    const lookedUp: { clientOrderId: string; order: VenueOrder | null }[] = []
    for (const request of this.#writer.probeRequests) {
      const order = await this.#find('P3', request, signal)
      if (order !== undefined) lookedUp.push({ clientOrderId: request.clientOrderId, order })
    }
    const openOrders = await this.#read('P3', () => venue.openOrders(), signal)
    const pages = await this.#readAllFills('P3', signal)
    const balances = withBalances ? await this.#read('P5', () => venue.balances(), signal) : undefined
    if (signal.aborted) return false
    if (balances) this.#balancesAtMs = clock.monotonic()
    this.#reports += 1
    const report: VenueReport = {
      id: this.#reports,
      atMs,
      openOrders: openOrders ?? null,
      history: null,
      fills: joinPages(pages),
      positions: null,
      balances: balances ?? null,
      lookedUp,
    }
    const isWhole =
      openOrders?.complete === true && report.fills?.complete === true && (!withBalances || balances?.complete === true)
    const item: AccountReport = {
      report,
      pages: new Map([...pages].flatMap(([symbol, page]) => (page ? [[symbol, page]] : []))),
      isWhole: isWhole && withBalances,
    }
    await this.#writer.do('reports', { kind: 'report', report: item })
    // A difference that something moving kept from being judged is asked for again with the next report, not in five minutes.
    if (balances && isDifferent(this.#writer.records.balances(), balances.rows)) this.#balancesAtMs = Number.NEGATIVE_INFINITY
    return isWhole
  }

  async #readAllFills(callClass: CallClass, signal: AbortSignal): Promise<Map<string, FillsPage | null>> {
    const pages = new Map<string, FillsPage | null>()
    const symbols = new Set(this.#writer.bots().flatMap(bot => bot.opened.prepared.pairs.map(pair => pair.symbol)))
    for (const symbol of symbols) {
      // A pair that the venue lists no more may answer nothing: it must not stop the others.
      const page = await this.#readFills(callClass, symbol, signal)
      if (page || !this.#writer.unlisted.has(symbol)) pages.set(symbol, page)
    }
    return pages
  }

  /** All pages behind the cursor as one; null where one of them could not be read. */
  async #readFills(callClass: CallClass, symbol: string, signal: AbortSignal): Promise<FillsPage | null> {
    const fills: VenueFill[] = []
    let cursor = this.#writer.records.cursors.get(symbol)?.cursor ?? null
    for (let n = 0; n < MAX_PAGES; n += 1) {
      const from = cursor
      const page = await this.#read(callClass, () => this.#deps.venue.fillsSince(symbol, from), signal)
      if (page === undefined) return null
      fills.push(...page.fills)
      if (page.complete) return { fills, cursor: page.cursor, complete: true }
      if (page.cursor === cursor) return { fills, cursor: page.cursor, complete: false }
      cursor = page.cursor
    }
    return null
  }

  async #askWhatIsWanted(signal: AbortSignal): Promise<void> {
    const { venue, log } = this.#deps
    const { accountId } = this.#writer.assignment
    while (!signal.aborted) {
      const lookUps = this.#writer.takeLookUps()
      const symbols = this.#writer.takeFillsWanted()
      for (const ref of lookUps) await this.#lookUp(ref, signal)
      for (const ref of this.#writer.foreignCancels.splice(0)) {
        const cancelled = await this.#read('P2', () => venue.cancel(ref), signal, 1)
        const { venueOrderId } = ref
        if (cancelled && venueOrderId !== null) await this.#writer.do('orders', { kind: 'foreign_cancelled', venueOrderId })
        else log.error({ accountId, venueOrderId }, 'the order of somebody else was not cancelled: decide again')
      }
      for (const symbol of symbols) {
        const askedAtMs = this.#deps.clock.monotonic()
        const page = await this.#readFills('P3', symbol, signal)
        if (page) await this.#writer.do('orders', { kind: 'fills', fills: page.fills, page: { symbol, page, askedAtMs } })
        else this.#writer.wantFills(symbol)
      }
      const wantsRules = this.#writer.wantsRules
      if (wantsRules) await this.readInstruments(signal)
      if (lookUps.length + symbols.length === 0 && !wantsRules) await this.#wanted.wait(IDLE_MS, signal)
      else if (!signal.aborted) await nap(this.#deps.clock, 250, signal)
    }
  }

  /** The venue's rules as they are now. */
  async readInstruments(signal: AbortSignal): Promise<void> {
    this.#writer.wantsRules = false
    const listing = await this.#read('P3', () => this.#deps.venue.instruments(), signal)
    if (listing) await this.#writer.do('reports', { kind: 'instruments', listing })
  }

  async #lookUp(ref: VenueOrderRef, signal: AbortSignal): Promise<void> {
    const order = await this.#find('P3', ref, signal)
    if (order) await this.#writer.do('orders', { kind: 'word', order })
    // Not found proves nothing by itself: the comparison with the venue counts it.
    if (order === null || order === undefined) this.#reconciledAtMs = Number.NEGATIVE_INFINITY
  }

  async #askInDoubt(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const due = this.#nextInDoubt()
      const waitMs = due ? (due.nextProbeAtMs ?? 0) - this.#venueClock.now() : IDLE_MS
      if (!due || waitMs > 0) {
        await this.#doubted.wait(Math.min(waitMs, IDLE_MS), signal)
        continue
      }
      const result = await this.#probe(due, signal)
      if (signal.aborted) return
      await this.#writer.do('orders', { kind: 'probed', result })
    }
  }

  #nextInDoubt(): SavedIntent | null {
    let next: SavedIntent | null = null
    for (const intent of this.#writer.records.intents.values()) {
      if (intent.status !== 'in_doubt') continue
      if (next === null || (intent.nextProbeAtMs ?? 0) < (next.nextProbeAtMs ?? 0)) next = intent
    }
    return next
  }

  /** One round of questions: the look-up first; once an absence may count, every source that could prove it. */
  async #probe(intent: SavedIntent, signal: AbortSignal): Promise<ProbeResult> {
    const { venue } = this.#deps
    const record = this.#writer.records.orders.get(intent.clientOrderId)
    const symbol = record?.order.symbol ?? ''
    const ref = { symbol, clientOrderId: intent.clientOrderId, venueOrderId: record?.venueOrderId ?? null }
    const sources: Partial<Record<AbsenceSource, SourceAnswer>> = {}
    let word: VenueOrder | null = null
    let fills: readonly VenueFill[] = []
    const isIt = (order: VenueOrder): boolean =>
      order.clientOrderId === ref.clientOrderId || (ref.venueOrderId !== null && order.venueOrderId === ref.venueOrderId)

    if (venue.capabilities.findByClientId) {
      const found = await this.#find('P0', ref, signal, 1)
      sources.find = found === undefined ? 'failed' : found === null ? 'absent' : 'present'
      word = found ?? null
    }
    let unexplained = false
    const seen: VenueOrder[] = []
    const sentAtMs = intent.sentAtMs ?? intent.createdAtMs
    const mayProve = this.#venueClock.now() - sentAtMs >= venue.capabilities.absenceHorizonSec * 1000
    if (word === null && (mayProve || !venue.capabilities.findByClientId)) {
      const look = (source: AbsenceSource, listing: Listing<VenueOrder> | undefined): void => {
        const found = listing?.rows.find(isIt)
        seen.push(...(listing?.rows ?? []))
        if (found) word = found
        sources[source] = found ? 'present' : listing === undefined ? 'failed' : listing.complete ? 'absent' : 'incomplete'
      }
      look('open_orders', await this.#once('P0', () => venue.openOrders(), signal))
      look('history', await this.#once('P0', () => venue.history(sentAtMs - 60_000), signal))
      if (word === null && record && !venue.capabilities.findByClientId) {
        word = matchWithoutId(record, seen, {
          sentAtMs,
          taken: this.#writer.records.takenVenueIds(),
          rivals: this.#writer.records.unknown(),
        })
      }
      const page = await this.#readFills('P0', symbol, signal)
      fills = (page?.fills ?? []).filter(
        fill => fill.clientOrderId === ref.clientOrderId || (ref.venueOrderId !== null && fill.venueOrderId === ref.venueOrderId),
      )
      const unbooked = fills.some(fill => !this.#writer.records.bookedFills.has(fillKey(fill.symbol, fill.venueFillId)))
      sources.fills = page === null ? 'failed' : unbooked ? 'present' : page.complete ? 'absent' : 'incomplete'
      const balances = await this.#once('P0', () => venue.balances(), signal)
      unexplained =
        !balances?.complete || (record !== undefined && mayHaveFilled(record, this.#writer.records.balances(), balances.rows))
    }
    return { clientOrderId: intent.clientOrderId, atMs: this.#venueClock.now(), word, fills, sources, unexplained }
  }

  /** null where the venue says that it knows no such order, undefined where it does not answer. */
  async #find(
    callClass: CallClass,
    ref: VenueOrderRef,
    signal: AbortSignal,
    tries?: number,
  ): Promise<VenueOrder | null | undefined> {
    const find = async (): Promise<VenueOrder | null> => {
      try {
        return await this.#deps.venue.find(ref)
      } catch (error) {
        if (error instanceof VenueError && error.class === 'not_found') return null
        throw error
      }
    }
    return this.#read(callClass, find, signal, tries)
  }

  /** A read that is tried again as its errors allow, or as often as told; undefined where it does not answer. */
  async #read<T>(callClass: CallClass, call: () => Promise<T>, signal: AbortSignal, tries?: number): Promise<T | undefined> {
    const { clock, governor, random, log } = this.#deps
    const account = this.#writer.assignment.accountId
    try {
      const answer = await readPatiently(call, {
        clock,
        governor,
        random,
        account,
        callClass,
        signal,
        resync: () => this.#venueClock.sync(),
        ...(tries === undefined ? {} : { tries }),
      })
      this.#writer.noteSuccess('read')
      return answer
    } catch (error) {
      if (signal.aborted) return undefined
      if (!(error instanceof VenueError)) throw error
      this.#writer.noteFailure(error, null)
      if (tries === undefined) log.warn({ accountId: account, error: error.message }, 'the venue does not answer')
      return undefined
    }
  }

  /** A question that has its own schedule of repetition. */
  #once<T>(callClass: CallClass, call: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    return this.#read(callClass, call, signal, 1)
  }
}

/** One listing of all symbols; complete where every page of every symbol was read. */
function joinPages(pages: ReadonlyMap<string, FillsPage | null>): Listing<VenueFill> {
  const rows: VenueFill[] = []
  let complete = true
  for (const page of pages.values()) {
    if (page) rows.push(...page.fills)
    complete = complete && page?.complete === true
  }
  return { rows, complete }
}

function isDifferent(ours: ReadonlyMap<string, Decimal>, rows: readonly VenueBalance[]): boolean {
  const there = balanceTotals(rows)
  return [...new Set([...ours.keys(), ...there.keys()])].some(
    currency => !(ours.get(currency) ?? ZERO).equals(there.get(currency) ?? ZERO),
  )
}

/** Prices of an execution lie within this factor of the order's own. */
const PRICE_FACTOR = Decimal.from(2)

/**
 * Whether balances differ in the way in which an execution of this order would make them: coins one way, money the other, at a price
 * like the order's. Any other difference says nothing about it.
 */
export function mayHaveFilled(
  { order }: OrderRecord,
  ours: ReadonlyMap<string, Decimal>,
  rows: readonly VenueBalance[],
): boolean {
  const parts = splitSymbol(order.symbol)
  if (!parts) return true
  const there = balanceTotals(rows)
  const change = (currency: string): Decimal => (there.get(currency) ?? ZERO).minus(ours.get(currency) ?? ZERO)
  const coins = change(parts.base)
  const money = change(parts.quote)
  const isLikeIt = order.side === 'buy' ? coins.isPositive() && money.isNegative() : coins.isNegative() && money.isPositive()
  const price = order.limitPrice ?? order.stopPrice ?? order.decisionPrice
  if (!isLikeIt || !price) return isLikeIt
  const worth = coins.abs().times(price)
  return money.abs().lte(worth.times(PRICE_FACTOR)) && money.abs().times(PRICE_FACTOR).gte(worth)
}
