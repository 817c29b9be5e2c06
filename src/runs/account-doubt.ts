// An order in doubt and one round of questions about it: what was found is applied, what was not found counts towards the proof that it
// never arrived or is gone. What is known is kept with the intent, so that a restart goes on asking where the former process stopped.

import type { Doubt } from '../engine/reconciliation/doubt.ts'
import { doubtText, newDoubt, nextProbeAtMs, noteProbe, type SourceAnswer, verdict } from '../engine/reconciliation/doubt.ts'
import type { AbsenceSource, VenueFill, VenueOrder } from '../engine/venue.ts'
import { applyWord, settleDoubt } from './account-evidence.ts'
import type { KnownOrder } from './account-records.ts'
import type { AccountWriter } from './account-writer.ts'

/** What one round of questions about one order brought. */
export interface ProbeResult {
  readonly clientOrderId: string
  readonly atMs: number
  readonly word: VenueOrder | null
  readonly fills: readonly VenueFill[]
  /** Only the sources that were asked. */
  readonly sources: Readonly<Partial<Record<AbsenceSource, SourceAnswer>>>
  /** Money or coins of the account have moved in a way that no booked fill explains. */
  readonly unexplained: boolean
}

/** The doubt of an order: kept with its intent, begun anew where it has none. */
export function doubtOf(writer: AccountWriter, record: KnownOrder): Doubt {
  const intent = writer.records.intents.get(`${record.clientOrderId}:place`)
  return (intent?.doubt as Doubt | null | undefined) ?? newDoubt(intent?.sentAtMs ?? writer.nowMs)
}

/** Puts an order that the venue no longer shows into doubt, as if its call had never been answered. */
export function beginDoubt(writer: AccountWriter, record: KnownOrder, why: string): void {
  const doubt = newDoubt(writer.nowMs)
  writer.outbox.changeIntent(writer.outbox.reopenIntent(record), {
    status: 'in_doubt',
    doubt,
    nextProbeAtMs: nextProbeAtMs(doubt),
    lastError: why,
  })
}

export function stepProbe(writer: AccountWriter, result: ProbeResult): void {
  const record = writer.records.orders.get(result.clientOrderId)
  if (!record) return
  applyWord(writer, record, result.word, result.fills)
  const after = writer.records.orders.get(result.clientOrderId) ?? record
  if (after.order.status !== 'unknown') {
    settleDoubt(writer, after)
    return
  }
  const { capabilities } = writer.deps.venue
  const doubt = noteProbe(doubtOf(writer, after), {
    atMs: result.atMs,
    found: result.word !== null,
    sources: result.sources,
    unexplained: result.unexplained,
  })
  const intentId = writer.outbox.reopenIntent(after)
  const known = doubtText(doubt, capabilities, writer.nowMs)
  if (verdict(doubt, capabilities, writer.nowMs) !== 'absent') {
    writer.outbox.changeIntent(intentId, { status: 'in_doubt', doubt, nextProbeAtMs: nextProbeAtMs(doubt), lastError: known })
    return
  }
  writer.outbox.changeIntent(intentId, { status: 'settled', doubt, nextProbeAtMs: null, lastError: known })
  const bot = writer.bot(after.botId)
  if (!bot) return
  const { tradeSeq, purpose, sequence } = after.order
  writer.step(bot, {
    kind: 'order_event',
    atMs: writer.nowMs,
    event: 'absent',
    order: { tradeSeq, purpose, sequence },
    acknowledged: after.isAcknowledged,
    reason: after.isAcknowledged ? 'gone' : 'never_arrived',
  })
}
