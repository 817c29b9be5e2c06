// A report of the venue in the hands of the writer: compared with what is recorded by the pure rules of engine/reconciliation, and what
// follows is stepped. A second look at the same report finds nothing.

import type { Transfer } from '../core/ledger/transfer.ts'
import type { ClientOrderKey } from '../core/orders/client-order-id.ts'
import { missingEvents } from '../engine/reconciliation/missing-events.ts'
import type { OurSide, ReconcileEvent, VenueReport } from '../engine/reconciliation/report.ts'
import type { FillsPage } from '../engine/venue.ts'
import { beginDoubt } from './account-doubt.ts'
import { adopt, applyWord, bookFill, imageOf, seeForeign } from './account-evidence.ts'
import { heldCoins, stepGhost } from './account-ghosts.ts'
import type { AccountWriter } from './account-writer.ts'

export interface AccountReport {
  readonly report: VenueReport
  /** Pages that the fills of the report are of. */
  readonly pages: ReadonlyMap<string, FillsPage>
  /** Every section, balances too, was read to its end. */
  readonly isWhole: boolean
}

/** @returns how many events followed: none from a report that tells nothing new. */
export async function stepReport(writer: AccountWriter, { report, pages, isWhole }: AccountReport): Promise<number> {
  const result = missingEvents(ourSide(writer), report, writer.reconcileMemory)
  for (const event of result.events) stepFinding(writer, event)
  for (const [clientOrderId, change] of result.words) {
    const record = writer.records.orders.get(clientOrderId)
    if (record) writer.outbox.noteWord(record, change)
  }
  writer.reconcileMemory = result.memory
  writer.probeRequests = result.probes
  for (const [symbol, page] of pages) writer.outbox.passPage(symbol, page, result.foreignFills, writer.nowMs)
  writer.wasCompared ||= isWhole
  // Before the first whole comparison nobody knows what differs; what a ghost leaves in the balances is for the next to see.
  const isUnsettled = !writer.wasCompared || result.events.some(event => event.kind === 'ghost_position')
  writer.setOpenDifferences(result.openDifferences + (isUnsettled ? 1 : 0))
  return result.events.length
}

function ourSide(writer: AccountWriter): OurSide {
  const { records } = writer
  return {
    records: [...records.orders.values()],
    booked: records.bookedFills,
    touchedAtMs: new Map([...records.orders.values()].map(record => [record.clientOrderId, record.touchedAtMs])),
    positions: heldCoins(writer),
    balances: records.balances(),
    recompute: id => keyOf(writer, id),
  }
}

function keyOf(writer: AccountWriter, id: string): ClientOrderKey | null {
  return writer.records.recompute(id, writer.bots())?.named ?? null
}

function stepFinding(writer: AccountWriter, event: ReconcileEvent): void {
  switch (event.kind) {
    case 'fill': {
      const record = writer.records.orders.get(event.record.clientOrderId)
      if (record) bookFill(writer, record, event.fill)
      return
    }
    case 'order':
      stepOrder(writer, event)
      return
    case 'triggered': {
      const bot = writer.bot(event.record.botId)
      const { tradeSeq, purpose, sequence } = event.record.order
      if (bot) writer.step(bot, { kind: 'triggered', atMs: writer.nowMs, order: { tradeSeq, purpose, sequence } })
      return
    }
    case 'orphan_adopted': {
      if (!adopt(writer, event.order)) return
      const record = event.order.clientOrderId === null ? undefined : writer.records.orders.get(event.order.clientOrderId)
      if (record) applyWord(writer, record, null, event.fills, event.fillsComplete)
      return
    }
    case 'foreign_order_seen':
      seeForeign(writer, event.order)
      return
    case 'drift':
      bookDrift(writer, event)
      return
    case 'ghost_position':
      stepGhost(writer, event)
      return
    case 'position_seen':
      // Only derivatives have positions at a venue, and no bot trades them here yet: handed a spot account's, nothing is concluded.
      return
  }
}

function stepOrder(writer: AccountWriter, event: Extract<ReconcileEvent, { kind: 'order' }>): void {
  const record = writer.records.orders.get(event.record.clientOrderId)
  const bot = record ? writer.bot(record.botId) : undefined
  if (!record || !bot) return
  if (event.event !== 'missing') {
    if (event.word) applyWord(writer, record, event.word, [], true)
    return
  }
  const { tradeSeq, purpose, sequence } = record.order
  writer.step(bot, {
    kind: 'order_event',
    atMs: writer.nowMs,
    event: 'missing',
    order: { tradeSeq, purpose, sequence },
    reason: event.reason,
    ...imageOf(bot, record),
  })
  const after = writer.records.orders.get(record.clientOrderId)
  if (after?.order.status === 'unknown') beginDoubt(writer, after, event.reason ?? 'gone from the venue')
}

/** The venue holds more or less than the books can explain: the books follow it, by name, and say so loudly. */
function bookDrift(writer: AccountWriter, event: Extract<ReconcileEvent, { kind: 'drift' }>): void {
  const { currency, amount } = event
  const isMore = amount.isPositive()
  // Before anything was traded a difference is what the account began with.
  const isOpening = !writer.records.hasTraded()
  const transfer: Transfer = {
    cause: `${isOpening ? 'opening' : 'drift'}:${currency}:${writer.nowMs}`,
    kind: isOpening ? 'deposit' : 'drift',
    debit: isMore ? 'free' : isOpening ? 'external' : 'unexplained',
    credit: isMore ? (isOpening ? 'external' : 'unexplained') : 'free',
    currency,
    amount: amount.abs(),
    tradeSeq: null,
    orderKey: null,
    fillId: null,
  }
  writer.outbox.postOwn(transfer)
  if (isOpening) return
  writer.deps.log.error(
    { accountId: writer.assignment.accountId, currency, amount: amount.toString() },
    'the venue holds another balance than the books explain',
  )
}
