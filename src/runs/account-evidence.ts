// Words and fills of the venue, put to the orders they are about: ours, ours of a lost time, or somebody else's. Each order is moved by
// what the evidence says of it, fills first; an end that the venue states waits until every execution it counts is booked.

import type { Decimal } from '../core/money/decimal.ts'
import { type Fill, isLive, type Order } from '../core/orders/order.ts'
import type { OrderImage } from '../engine/machine.ts'
import { type EvidenceStep, evidenceEvents, fillKey } from '../engine/reconciliation/evidence.ts'
import type { FillsPage, VenueFill, VenueOrder } from '../engine/venue.ts'
import { adoptable, takeOver } from './account-adoption.ts'
import type { AccountBot } from './account-bot.ts'
import type { KnownOrder } from './account-records.ts'
import type { AccountWriter } from './account-writer.ts'

/** A word about one order. */
export async function stepWord(writer: AccountWriter, word: VenueOrder): Promise<void> {
  const record = await recordOf(writer, word.clientOrderId, word.venueOrderId)
  if (record) applyWord(writer, record, word, [])
  else if (!adopt(writer, word)) seeForeign(writer, word)
}

/** Executions, from the stream or a page; a page may move the cursor in the commit that books it. */
export async function stepFills(
  writer: AccountWriter,
  fills: readonly VenueFill[],
  page: { readonly symbol: string; readonly page: FillsPage; readonly askedAtMs: number } | null,
): Promise<void> {
  const foreign = new Set<string>()
  for (const fill of fills) {
    const key = fillKey(fill.symbol, fill.venueFillId)
    if (writer.records.bookedFills.has(key)) continue
    const record = await recordOf(writer, fill.clientOrderId, fill.venueOrderId)
    // Executions without an id are told apart by how much of the order they make up together: a single one says nothing.
    if (record && fill.venueFillId === '' && page === null) writer.wantFills(fill.symbol)
    else if (record) applyWord(writer, record, null, fill.venueFillId === '' ? fillsOf(fills, fill) : [fill])
    else if (fill.clientOrderId !== null && writer.records.recompute(fill.clientOrderId, writer.bots())) {
      // An order of a lost time: it is adopted first, by its word, and its fills are read again.
      writer.wantLookUp({ symbol: fill.symbol, clientOrderId: fill.clientOrderId, venueOrderId: fill.venueOrderId })
    } else foreign.add(key)
  }
  if (!page) return
  writer.outbox.passPage(page.symbol, page.page, foreign, writer.nowMs)
  if (!page.page.complete) return
  // A venue that does not state how much was executed has told all of it by now.
  for (const [id, { heardAtMs }] of [...writer.waitingWords]) {
    // A page that was asked for before the word came may be older than what the word tells of.
    if (heardAtMs >= page.askedAtMs) continue
    const record = writer.records.orders.get(id)
    if (record?.order.symbol === page.symbol) applyWord(writer, record, null, [], true)
  }
}

function fillsOf(fills: readonly VenueFill[], one: VenueFill): VenueFill[] {
  return fills.filter(fill => fill.clientOrderId === one.clientOrderId && fill.venueOrderId === one.venueOrderId)
}

/** Books an execution that the comparison with the venue has found and named. */
export function bookFill(writer: AccountWriter, record: KnownOrder, fill: VenueFill): void {
  const bot = writer.bot(record.botId)
  if (!bot || writer.records.bookedFills.has(fillKey(fill.symbol, fill.venueFillId))) return
  stepEvidence(writer, bot, record.clientOrderId, { kind: 'fill', fill })
  const after = writer.records.orders.get(record.clientOrderId) ?? record
  writer.outbox.noteWord(after, { isAcknowledged: true, evidenceAtMs: fill.atMs, venueOrderId: fill.venueOrderId })
  // An end that waited for it may follow now.
  applyWord(writer, writer.records.orders.get(record.clientOrderId) ?? after, null, [])
}

/**
 * Steps an order's bot with what a word and fills say of it.
 * @param fillsComplete every fill of the order up to its word has been read.
 */
export function applyWord(
  writer: AccountWriter,
  record: KnownOrder,
  word: VenueOrder | null,
  fills: readonly VenueFill[],
  fillsComplete = false,
): void {
  const bot = writer.bot(record.botId)
  if (!bot) return
  const known = writer.waitingWords.get(record.clientOrderId)
  const waiting = word ?? known?.word ?? null
  const evidence = evidenceEvents(record, { order: waiting, fills, fillsComplete }, writer.records.bookedFills)
  for (const step of evidence.events) stepEvidence(writer, bot, record.clientOrderId, step)
  const after = writer.records.orders.get(record.clientOrderId) ?? record
  writer.outbox.noteWord(after, {
    venueOrderId: evidence.venueOrderId,
    isAcknowledged: evidence.isAcknowledged,
    evidenceAtMs: evidence.evidenceAtMs,
  })
  if (evidence.waitsForFills && waiting) {
    const heardAtMs = word || !known ? writer.deps.clock.monotonic() : known.heardAtMs
    writer.waitingWords.set(record.clientOrderId, { word: waiting, heardAtMs })
    writer.wantFills(record.order.symbol)
  } else {
    writer.waitingWords.delete(record.clientOrderId)
  }
  settleDoubt(writer, after)
}

/** An order whose fate is known is asked for no more. */
export function settleDoubt(writer: AccountWriter, record: KnownOrder): void {
  const id = `${record.clientOrderId}:place`
  if (record.order.status !== 'unknown' && writer.records.intents.get(id)?.status === 'in_doubt')
    writer.outbox.changeIntent(id, { status: 'settled', nextProbeAtMs: null })
}

function stepEvidence(writer: AccountWriter, bot: AccountBot, clientOrderId: string, step: EvidenceStep): void {
  const record = writer.records.orders.get(clientOrderId)
  if (!record) return
  const atMs = writer.nowMs
  const { tradeSeq, purpose, sequence } = record.order
  const order = { tradeSeq, purpose, sequence }
  const image = imageOf(bot, record)
  switch (step.kind) {
    case 'fill':
      writer.step(bot, { kind: 'fill_reported', atMs, fill: bookableFill(writer, bot, record.order, step.fill), ...image })
      return
    case 'order':
      writer.step(bot, { kind: 'order_event', atMs, event: step.event, order, reason: step.reason, ...image })
      return
    case 'triggered':
      writer.step(bot, { kind: 'triggered', atMs, order })
      return
  }
}

/** The order as it was last written, where the bot's state does not keep it any more. */
export function imageOf(bot: AccountBot, { order, botTradeSeq, configVersion }: KnownOrder): { record?: OrderImage } {
  const isKept = bot
    .deal(order.tradeSeq)
    ?.orders.some(each => each.purpose === order.purpose && each.sequence === order.sequence && isLive(each))
  return isKept ? {} : { record: { order, botTradeSeq, configVersion } }
}

/**
 * A fee that the venue has not told yet is estimated at the taker's rate, in the coin in which this pair takes it: what a buy leaves in
 * hand must not be thought more than it is. One in a third coin is valued at its last price, and where nobody knows that, at the taker's rate.
 */
function bookableFill(writer: AccountWriter, bot: AccountBot, order: Order, fill: VenueFill): Fill {
  const instrument = bot.opened.instruments.get(order.symbol)
  if (!instrument) throw new Error(`bot ${bot.botId} has no instrument ${order.symbol}`)
  const value = fill.price.times(fill.quantity)
  const isEstimated = fill.fee === null || fill.feeAsset === null
  const inBase = fill.side === 'buy' && instrument.feeAsset === instrument.base
  const fee = isEstimated ? (inBase ? fill.quantity : value).times(instrument.takerBps.shifted(-4)) : fill.fee
  const feeAsset = isEstimated ? (inBase ? instrument.base : instrument.quote) : fill.feeAsset
  const known = feeValue(writer, fee, feeAsset, fill.price, instrument)
  return {
    tradeSeq: order.tradeSeq,
    purpose: order.purpose,
    sequence: order.sequence,
    symbol: order.symbol,
    fillId: fill.venueFillId,
    side: fill.side,
    price: fill.price,
    quantity: fill.quantity,
    fee,
    feeAsset,
    feeValueQuote: known ?? value.times(instrument.takerBps.shifted(-4)),
    liquidity: fill.liquidity,
    atMs: fill.atMs,
    ...(isEstimated || known === null ? { feeEstimated: true } : {}),
  }
}

/** null: a third coin whose price nobody knows here. */
function feeValue(
  writer: AccountWriter,
  fee: Decimal,
  feeAsset: string,
  price: Decimal,
  { base, quote }: { readonly base: string; readonly quote: string },
): Decimal | null {
  if (feeAsset === quote) return fee
  if (feeAsset === base) return fee.times(price)
  return writer.lastPrice(`${feeAsset}/${quote}`)?.times(fee) ?? null
}

async function recordOf(
  writer: AccountWriter,
  clientOrderId: string | null,
  venueOrderId: string,
): Promise<KnownOrder | undefined> {
  const known = writer.records.find(clientOrderId, venueOrderId)
  if (known || clientOrderId === null) return known
  const stored = await writer.findStored(clientOrderId)
  if (stored) writer.records.put({ ...stored, touchedAtMs: writer.nowMs })
  return stored ? writer.records.orders.get(clientOrderId) : undefined
}

/** An order at the venue that only we can have named, though no record knows it: it joins its deal again. */
export function adopt(writer: AccountWriter, word: VenueOrder): boolean {
  const found = word.clientOrderId === null ? null : writer.records.recompute(word.clientOrderId, writer.bots())
  if (!found || word.clientOrderId === null) return false
  const order = {
    ...adoptable(word, found.key),
    reason: 'found at the venue, unknown to our records',
  }
  const record = takeOver(writer, found.bot, word, word.clientOrderId, order, found.image)
  applyWord(writer, record, word, [])
  writer.wantFills(word.symbol)
  return true
}

/** Somebody else's order: shown to the user, who decides; nothing is done by itself. */
export function seeForeign(writer: AccountWriter, word: VenueOrder): void {
  const known = writer.records.foreign.get(word.venueOrderId)
  if (known?.venueOrder.status === word.status) return
  if (!known && word.status !== 'open') return
  writer.outbox.noteForeign(word, known?.resolution ?? 'open')
}
