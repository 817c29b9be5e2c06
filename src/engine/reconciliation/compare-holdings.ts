// Positions and balances against a report (execution.md 7.1). Amounts are compared exactly; a difference must be shown by two reports, and
// nothing is concluded while an order, a fill or a look-up that could explain it is still open.

import { type Decimal, minDecimal, sumDecimals, ZERO } from '../../core/money/decimal.ts'
import type { Side } from '../../core/orders/order.ts'
import type { VenueBalance, VenueFill } from '../venue.ts'
import { areApart } from './compare-orders.ts'
import type { Difference, OurSide, OwnPosition, ReconcileEvent, ReconcileMemory, VenueReport } from './report.ts'

export interface HoldingsCompared {
  readonly events: readonly ReconcileEvent[]
  readonly differences: Readonly<Record<string, Difference>>
}

/** What the comparison of orders found to be still moving. */
export interface Unsettled {
  readonly symbols: ReadonlySet<string>
  /** An order in doubt, a fill to be booked or a probe anywhere: no balance can be judged. */
  readonly account: boolean
  /** Something else than an order in doubt is among it: it will be over soon. */
  readonly isSettling: boolean
  readonly foreignFills: readonly VenueFill[]
}

export function compareHoldings(
  ours: OurSide,
  report: VenueReport,
  memory: ReconcileMemory,
  unsettled: Unsettled,
): HoldingsCompared {
  const ledger = new DifferenceLedger(memory, report.atMs)
  const ghosts = [
    ...derivativeGhosts(ours, report, unsettled, ledger),
    ...spotGhosts(ours, report, unsettled, ledger),
    ...strangerPositions(ours, report, unsettled, ledger),
  ]
  // A ghost explains its coin's balance, or moves it: that is judged by the reports that follow.
  const explained = new Set(ghosts.flatMap(event => (event.kind === 'ghost_position' ? currenciesOf(event.symbol) : [])))
  const drifts = balanceDrifts(ours, report, unsettled, explained, ledger)
  return { events: [...ghosts, ...drifts], differences: ledger.kept() }
}

/** Which differences stand, since when, and which have stood for two reports. */
class DifferenceLedger {
  readonly #before: Readonly<Record<string, Difference>>
  readonly #kept: Record<string, Difference> = {}
  readonly #atMs: number

  constructor(memory: ReconcileMemory, atMs: number) {
    this.#before = memory.differences
    this.#atMs = atMs
  }

  /** This report says nothing about it. */
  keep(key: string): void {
    const known = this.#before[key]
    if (known) this.#kept[key] = known
  }

  keepAll(prefix: string): void {
    for (const key of Object.keys(this.#before)) if (key.startsWith(prefix)) this.keep(key)
  }

  /**
   * The amount differs in this report.
   * @param standsMs how long it must have stood at least.
   * @returns whether an earlier report showed the very same, and it was not told yet.
   */
  confirms(key: string, amount: Decimal, standsMs = 0): boolean {
    const known = this.#before[key]
    const text = amount.toString()
    if (known?.amount !== text) {
      this.#kept[key] = { amount: text, atMs: this.#atMs, told: false }
      return false
    }
    this.#kept[key] = known
    return !known.told && areApart(this.#atMs, known.atMs) && this.#atMs - known.atMs >= standsMs
  }

  /** It stays open until people decide. */
  tell(key: string): void {
    const known = this.#kept[key]
    if (known) this.#kept[key] = { ...known, told: true }
  }

  /** Handed on with its event: the reports that follow see what became of it. */
  settle(key: string): void {
    delete this.#kept[key]
  }

  kept(): Readonly<Record<string, Difference>> {
    return this.#kept
  }
}

/** A difference of balances is believed beside an order in doubt after this: longer than any venue takes to list an execution. */
const STANDS_BESIDE_DOUBT_MS = 120_000

const POSITION = 'position|'
const BALANCE = 'balance|'

/** Derivatives of which we hold more, or the other way round, than the venue. */
function derivativeGhosts(ours: OurSide, report: VenueReport, unsettled: Unsettled, ledger: DifferenceLedger): ReconcileEvent[] {
  const own = ours.positions.filter(position => position.coin === null)
  const venue = venuePositions(ours, report)
  if (venue === null) {
    ledger.keepAll(POSITION)
    return []
  }
  return own.flatMap(position => {
    const there = venue.get(position.symbol) ?? ZERO
    const gone = goneQuantity(position.quantity, there)
    if (!gone.isPositive()) return []
    return ghostOf(position, gone, report, unsettled, ledger)
  })
}

/** How much of what we hold is not there; a position on the other side leaves nothing of ours. */
function goneQuantity(own: Decimal, venue: Decimal): Decimal {
  if (own.sign() !== venue.sign()) return own.abs()
  const gone = own.abs().minus(venue.abs())
  return gone.isPositive() ? gone : ZERO
}

/** Coins of open deals that the whole balance does not cover. */
function spotGhosts(ours: OurSide, report: VenueReport, unsettled: Unsettled, ledger: DifferenceLedger): ReconcileEvent[] {
  const own = ours.positions.filter(position => position.coin !== null && position.quantity.isPositive())
  const venue = venueBalances(ours, report)
  if (venue === null || !report.fills?.complete) {
    for (const position of own) ledger.keep(POSITION + position.symbol)
    return []
  }
  const coins = new Set(own.map(position => position.coin!))
  return [...coins].flatMap(coin => {
    const holders = own.filter(position => position.coin === coin)
    let gone = sumDecimals(holders.map(position => position.quantity)).minus(venue.get(coin) ?? ZERO)
    return holders.flatMap(position => {
      if (!gone.isPositive()) return []
      const part = minDecimal(gone, position.quantity)
      gone = gone.minus(part)
      return ghostOf(position, part, report, unsettled, ledger)
    })
  })
}

function ghostOf(
  position: OwnPosition,
  quantity: Decimal,
  report: VenueReport,
  unsettled: Unsettled,
  ledger: DifferenceLedger,
): ReconcileEvent[] {
  const { symbol } = position
  const key = POSITION + symbol
  if (unsettled.symbols.has(symbol) || !report.fills?.complete) {
    ledger.keep(key)
    return []
  }
  const side = position.quantity.isNegative() ? 'short' : 'long'
  if (!ledger.confirms(key, side === 'long' ? quantity.negated() : quantity)) return []
  ledger.settle(key)
  const closedBy = explainingFills(symbol, side === 'long' ? 'sell' : 'buy', quantity, unsettled.foreignFills)
  return [{ kind: 'ghost_position', symbol, quantity, side, closedBy }]
}

/** Fills of others that took exactly what is gone; anything less exact leaves the price unknown. */
function explainingFills(symbol: string, side: Side, quantity: Decimal, fills: readonly VenueFill[]): readonly VenueFill[] {
  const closing = fills.filter(fill => fill.symbol === symbol && fill.side === side)
  return sumDecimals(closing.map(fill => fill.quantity)).equals(quantity) ? closing : []
}

/** Derivatives of which the venue holds more than we do. */
function strangerPositions(ours: OurSide, report: VenueReport, unsettled: Unsettled, ledger: DifferenceLedger): ReconcileEvent[] {
  const venue = venuePositions(ours, report)
  if (venue === null) return []
  const own = new Map(ours.positions.filter(each => each.coin === null).map(each => [each.symbol, each.quantity]))
  return [...venue].flatMap(([symbol, there]): ReconcileEvent[] => {
    const mine = own.get(symbol) ?? ZERO
    const isMore = there.abs().gt(mine.abs()) && (mine.isZero() || mine.sign() === there.sign())
    if (!isMore) return []
    const key = POSITION + symbol
    if (unsettled.symbols.has(symbol) || !report.fills?.complete) {
      ledger.keep(key)
      return []
    }
    if (!ledger.confirms(key, there.minus(mine))) return []
    ledger.tell(key)
    return [{ kind: 'position_seen', symbol, ours: mine, venue: there }]
  })
}

/**
 * null where the report says nothing of positions. An empty list counts as "none" only beside balances that were read: a venue that
 * answers nothing at all has not said that we are flat.
 */
function venuePositions(ours: OurSide, report: VenueReport): Map<string, Decimal> | null {
  const { positions, balances } = report
  if (!positions?.complete) return null
  if (positions.rows.length === 0 && !(balances?.complete && balances.rows.length > 0)) return null
  const sums = new Map<string, Decimal>()
  for (const { symbol, quantity } of positions.rows) sums.set(symbol, (sums.get(symbol) ?? ZERO).plus(quantity))
  for (const [symbol, ignored] of ours.ignoredPositions ?? []) sums.set(symbol, (sums.get(symbol) ?? ZERO).minus(ignored))
  return sums
}

/** Totals by currency; null where the report says nothing of balances. */
function venueBalances(ours: OurSide, report: VenueReport): Map<string, Decimal> | null {
  const { balances } = report
  if (!balances?.complete) return null
  const holdsSomething = [...ours.balances.values()].some(amount => !amount.isZero())
  if (balances.rows.length === 0 && holdsSomething) return null
  return balanceTotals(balances.rows)
}

/** Free and locked together, by currency. */
export function balanceTotals(rows: readonly VenueBalance[]): Map<string, Decimal> {
  const totals = new Map<string, Decimal>()
  for (const { currency, free, locked } of rows) {
    totals.set(currency, (totals.get(currency) ?? ZERO).plus(free).plus(locked))
  }
  return totals
}

function balanceDrifts(
  ours: OurSide,
  report: VenueReport,
  unsettled: Unsettled,
  explained: ReadonlySet<string>,
  ledger: DifferenceLedger,
): ReconcileEvent[] {
  const venue = venueBalances(ours, report)
  if (venue === null || unsettled.isSettling || !report.fills?.complete) {
    ledger.keepAll(BALANCE)
    return []
  }
  // An order in doubt proves its absence only once the books agree again, so that they cannot wait for it without end. Should it have
  // moved the balance after all, its fill will be booked and the next comparison takes the drift back.
  const standsMs = unsettled.account ? STANDS_BESIDE_DOUBT_MS : 0
  const currencies = [...new Set([...ours.balances.keys(), ...venue.keys()])].sort()
  return currencies.flatMap((currency): ReconcileEvent[] => {
    const amount = (venue.get(currency) ?? ZERO).minus(ours.balances.get(currency) ?? ZERO)
    if (amount.isZero() || explained.has(currency)) return []
    const key = BALANCE + currency
    if (!ledger.confirms(key, amount, standsMs)) return []
    ledger.settle(key)
    return [{ kind: 'drift', currency, amount }]
  })
}

/** `SOL/USDT` moves SOL and USDT; a derivative settles in what follows the colon. */
function currenciesOf(symbol: string): string[] {
  return symbol.split(/[/:]/)
}
