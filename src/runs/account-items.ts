// What may stand in the inbox of an account, and what each means: which events its bots are stepped with, what of it is written down.

import type { Candle } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import type { Decimal } from '../core/money/decimal.ts'
import { isLive } from '../core/orders/order.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { SavedBot, SavedIntent } from '../engine/account-store.ts'
import { newDoubt, nextProbeAtMs } from '../engine/reconciliation/doubt.ts'
import { type FillsPage, type Listing, VenueError, type VenueFill, type VenueOrder } from '../engine/venue.ts'
import { type ProbeResult, stepProbe } from './account-doubt.ts'
import { adopt, applyWord, settleDoubt, stepFills, stepWord } from './account-evidence.ts'
import { stepInstruments } from './account-instruments.ts'
import { decideForeign, declareAbsent, type ForeignDecision } from './account-people.ts'
import { type AccountReport, stepReport } from './account-report.ts'
import type { BotEvent } from './account-run.ts'
import type { AccountWriter } from './account-writer.ts'
import type { CallOutcome } from './dispatch-orders.ts'
import { cancelVerdict, createVerdict } from './retry.ts'

export type AccountItem =
  | { readonly kind: 'opened'; readonly bots: readonly SavedBot[] }
  | { readonly kind: 'ready'; readonly histories: ReadonlyMap<string, ReadonlyMap<string, readonly Candle[]>> }
  | { readonly kind: 'safety'; readonly level: SafetyLevel; readonly reason: string }
  | { readonly kind: 'command'; readonly botId: string; readonly event: BotEvent }
  | { readonly kind: 'claim'; readonly intentId: string }
  | { readonly kind: 'withdraw'; readonly intentId: string }
  | { readonly kind: 'outcome'; readonly intent: SavedIntent; readonly outcome: CallOutcome }
  | { readonly kind: 'word'; readonly order: VenueOrder }
  | {
      readonly kind: 'fills'
      readonly fills: readonly VenueFill[]
      /** The page that they are of; null for a message of the stream. */
      readonly page: { readonly symbol: string; readonly page: FillsPage; readonly askedAtMs: number } | null
    }
  | { readonly kind: 'probed'; readonly result: ProbeResult }
  | { readonly kind: 'report'; readonly report: AccountReport }
  | { readonly kind: 'instruments'; readonly listing: Listing<Instrument> }
  | { readonly kind: 'foreign_cancelled'; readonly venueOrderId: string }
  | { readonly kind: 'lost_orders'; readonly orders: readonly VenueOrder[] }
  | { readonly kind: 'stream'; readonly isConnected: boolean }
  | { readonly kind: 'candles'; readonly openTimeMs: number; readonly candles: ReadonlyMap<string, Candle> }
  | { readonly kind: 'price'; readonly symbol: string; readonly price: Decimal; readonly atMs: number }
  | { readonly kind: 'absent'; readonly clientOrderId: string; readonly reason: string; readonly by: string }
  | { readonly kind: 'foreign'; readonly venueOrderId: string; readonly decision: ForeignDecision }
  | { readonly kind: 'timers'; readonly atMs: number }
  | { readonly kind: 'quiet' }

/** Intents that were never sent are too old to be sent after this. */
const STALE_INTENT_MS = 30_000

/** A comparison says nothing of a pair whose orders have just moved. */
const COMPARISON_AFTER_MS = 6000

export async function stepItem(writer: AccountWriter, item: AccountItem): Promise<unknown> {
  switch (item.kind) {
    case 'opened':
      return opened(writer, item.bots)
    case 'ready':
      return ready(writer, item.histories)
    case 'safety':
      return writer.setSafety(item.level, item.reason)
    case 'command': {
      const bot = writer.bot(item.botId)
      if (!bot) throw new Error(`there is no running bot ${item.botId} on this account`)
      return writer.step(bot, { ...item.event, atMs: writer.nowMs })
    }
    case 'claim':
      return claim(writer, item.intentId)
    case 'withdraw':
      return withdraw(writer, item.intentId)
    case 'outcome':
      return outcome(writer, item.intent, item.outcome)
    case 'word':
      return stepWord(writer, item.order)
    case 'fills':
      return stepFills(writer, item.fills, item.page)
    case 'probed':
      return stepProbe(writer, item.result)
    case 'report':
      return stepReport(writer, item.report)
    case 'instruments':
      return stepInstruments(writer, item.listing)
    case 'foreign_cancelled': {
      const foreign = writer.records.foreign.get(item.venueOrderId)
      if (foreign) writer.outbox.noteForeign(foreign.venueOrder, 'cancelled')
      return
    }
    case 'lost_orders':
      lostOrders(writer, item.orders)
      return
    case 'stream':
      writer.isStreaming = item.isConnected
      return
    case 'candles':
      return candles(writer, item.openTimeMs, item.candles)
    case 'price':
      // Nothing leaves before records and venue were compared: prices come again.
      if (!writer.mayExit()) return
      for (const bot of writer.bots()) {
        if (!bot.trades(item.symbol)) continue
        const atMs = writer.nowMs
        writer.guarded(bot, () => bot.offerPrice(item.symbol, item.price, atMs, result => writer.absorb(bot, result)))
      }
      return
    case 'timers':
      if (!writer.mayExit()) return
      for (const bot of writer.bots())
        writer.guarded(bot, () => bot.fireTimers(writer.nowMs, result => writer.absorb(bot, result)))
      return
    case 'absent':
      return declareAbsent(writer, item.clientOrderId, item.reason, item.by)
    case 'foreign':
      return decideForeign(writer, item.venueOrderId, item.decision)
    case 'quiet':
      return
  }
}

/** The first instant of a start: new runs begin; what was being sent when the former process died is in doubt. */
function opened(writer: AccountWriter, saved: readonly SavedBot[]): void {
  const { records } = writer
  for (const intent of [...records.intents.values()]) {
    if (intent.status === 'sent') {
      if (intent.kind === 'place') lost(writer, intent, 'the process ended while it was being sent')
      else settleCancel(writer, intent, 'cancel_lost', 'the process ended while it was being sent')
    } else if (intent.status === 'pending' && writer.records.isOfLostTime(intent)) {
      // A backup does not know whether it was sent afterwards: the venue does.
      if (claim(writer, intent.id)) {
        const error = new VenueError('ambiguous', 'RESTORED', 'it may have been sent after the backup was made')
        writer.offer('orders', { kind: 'outcome', intent, outcome: { kind: 'failed', error } })
      }
    } else if (intent.status === 'pending' && intent.kind === 'place' && writer.nowMs - intent.createdAtMs > STALE_INTENT_MS) {
      // What it was decided on is past: an exit is decided anew. A cancel stays wanted however old it is.
      withdraw(writer, intent.id)
    }
  }
  for (const { botId, nextBotTradeSeq } of saved) {
    const bot = writer.bot(botId)
    if (!bot) continue
    for (const rules of bot.changedRules()) writer.step(bot, { kind: 'instrument_changed', atMs: writer.nowMs, rules })
    if (!bot.hasStarted) {
      writer.step(bot, {
        kind: 'run_started',
        atMs: writer.nowMs,
        currency: bot.opened.currency,
        initialBalance: bot.opened.initialBalance,
        nextBotTradeSeq,
        opensBooks: bot.opened.opensBooks,
      })
    }
  }
  writer.enforceSafety('as recorded')
}

/**
 * After a restored backup: what no record knows joins its deal first, so that nothing new takes its place; then the records learn what
 * became of theirs, so that a stop of the lost time is not given up for one that is gone.
 */
function lostOrders(writer: AccountWriter, orders: readonly VenueOrder[]): void {
  const inTime = orders.toSorted((a, b) => a.updatedAtMs - b.updatedAtMs)
  const find = (order: VenueOrder) => writer.records.find(order.clientOrderId, order.venueOrderId)
  for (const order of inTime) if (!find(order)) adopt(writer, order)
  for (const order of inTime) {
    const record = find(order)
    if (record && isLive(record.order)) applyWord(writer, record, order, [])
  }
}

/** @returns whether it may be sent: its being sent is committed with this instant. */
function claim(writer: AccountWriter, intentId: string): boolean {
  const intent = writer.records.intents.get(intentId)
  if (intent?.status !== 'pending') return false
  const record = writer.records.orders.get(intent.clientOrderId)
  const bot = writer.bot(intent.botId)
  if (intent.kind === 'cancel') {
    if (!record || !isLive(record.order)) {
      writer.outbox.changeIntent(intentId, { status: 'settled', lastError: 'the order had ended before' })
      return false
    }
    if (bot) writer.step(bot, { kind: 'cancel_sent', atMs: writer.nowMs, order: intent.order, reason: null })
  } else {
    if (!bot || !record) return false
    if (record.order.status !== 'intended') {
      writer.outbox.changeIntent(intentId, { status: 'settled', lastError: `the order is ${record.order.status} already` })
      return false
    }
    // Its end was decided after it, or it is too old for what it was decided on: then it is never sent.
    const isUnwanted = record.order.cancelState !== 'none'
    // A late fill may have sold some of it while it waited: an exit is never larger than what is held.
    const held = bot.deal(intent.order.tradeSeq)?.lot.quantity
    const isTooLarge = record.order.side === 'sell' && held !== undefined && record.order.quantity.gt(held)
    if (isUnwanted || isTooLarge || (intent.priority === 'P4' && writer.nowMs - intent.createdAtMs > STALE_INTENT_MS)) {
      withdraw(writer, intentId)
      return false
    }
    if (intent.priority === 'P4' && !writer.mayEnter(intent)) return false
    writer.step(bot, { kind: 'order_event', atMs: writer.nowMs, event: 'sent', order: intent.order, reason: null })
  }
  writer.outbox.changeIntent(intentId, { status: 'sent', attempts: intent.attempts + 1, sentAtMs: writer.nowMs })
  return true
}

/** An order that was never sent is taken back without a call. */
function withdraw(writer: AccountWriter, intentId: string): void {
  const intent = writer.records.intents.get(intentId)
  if (intent?.status !== 'pending') return
  writer.outbox.changeIntent(intentId, { status: 'settled', lastError: 'withdrawn before it was sent' })
  const bot = writer.bot(intent.botId)
  if (bot && intent.kind === 'place')
    writer.step(bot, { kind: 'order_event', atMs: writer.nowMs, event: 'withdrawn', order: intent.order, reason: 'withdrawn' })
}

async function outcome(writer: AccountWriter, sent: SavedIntent, result: CallOutcome): Promise<void> {
  const intent = writer.records.intents.get(sent.id)
  if (intent?.status !== 'sent') {
    if (result.kind === 'answered') await stepWord(writer, result.order)
    return
  }
  const bot = writer.bot(intent.botId)
  // Of a held bot nothing is written: the next start finds a call without an outcome, and asks.
  if (!bot) return
  if (result.kind === 'answered') {
    writer.outbox.changeIntent(intent.id, { status: 'settled' })
    if (intent.kind === 'place') writer.noteSuccess('trade')
    await stepWord(writer, result.order)
    const isRefused = intent.kind === 'cancel' && result.order.status === 'open'
    if (isRefused)
      writer.step(bot, { kind: 'cancel_refused', atMs: writer.nowMs, order: intent.order, reason: 'the order still works' })
    return
  }
  writer.noteFailure(result.error, intent)
  if (intent.kind === 'cancel') {
    const { event, reason } = cancelVerdict(result.error)
    settleCancel(writer, intent, event, reason)
    return
  }
  const { event, reason } = createVerdict(result.error)
  if (event === 'lost_touch') {
    lost(writer, intent, reason)
    return
  }
  if (result.error.class === 'refused' && writer.records.orders.get(intent.clientOrderId)?.order.side === 'sell')
    writer.comparisonDueMs ??= writer.deps.clock.monotonic() + COMPARISON_AFTER_MS
  writer.outbox.changeIntent(intent.id, { status: 'settled', lastError: reason })
  writer.step(bot, { kind: 'order_event', atMs: writer.nowMs, event: 'rejected', order: intent.order, reason })
}

function settleCancel(writer: AccountWriter, intent: SavedIntent, kind: 'cancel_lost' | 'cancel_refused', reason: string): void {
  writer.outbox.changeIntent(intent.id, { status: 'settled', lastError: reason })
  const bot = writer.bot(intent.botId)
  if (bot) writer.step(bot, { kind, atMs: writer.nowMs, order: intent.order, reason })
}

/** Nobody knows whether the order is there: only the venue can tell, and it is asked until it does. */
function lost(writer: AccountWriter, intent: SavedIntent, reason: string): void {
  const doubt = newDoubt(intent.sentAtMs ?? writer.nowMs)
  writer.outbox.changeIntent(intent.id, { status: 'in_doubt', doubt, nextProbeAtMs: nextProbeAtMs(doubt), lastError: reason })
  const bot = writer.bot(intent.botId)
  if (bot) writer.step(bot, { kind: 'order_event', atMs: writer.nowMs, event: 'lost_touch', order: intent.order, reason })
  // The venue may have told of the order before its answer was lost.
  const record = writer.records.orders.get(intent.clientOrderId)
  if (record) settleDoubt(writer, record)
}

function candles(writer: AccountWriter, openTimeMs: number, closed: ReadonlyMap<string, Candle>): void {
  if (writer.stage !== 'ready') {
    writer.earlyCandles.push({ openTimeMs, candles: closed })
    return
  }
  for (const bot of writer.bots()) {
    writer.guarded(bot, () => {
      for (const event of bot.closes(openTimeMs, closed)) {
        writer.absorb(bot, bot.step({ ...event, atMs: Math.max(event.atMs, writer.nowMs) }))
      }
    })
  }
}

/** Indicators know what was missed, and nobody decides on it: from here on entries may go out. */
function ready(writer: AccountWriter, histories: ReadonlyMap<string, ReadonlyMap<string, readonly Candle[]>>): void {
  for (const bot of writer.bots()) {
    writer.guarded(bot, () => {
      for (const [symbol, history] of histories.get(bot.botId) ?? []) bot.clock.warmUp(symbol, history)
      for (const { openTimeMs, candles } of writer.earlyCandles) bot.closes(openTimeMs, candles)
    })
  }
  writer.earlyCandles = []
  writer.setStage('ready')
}
