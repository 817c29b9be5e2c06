import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingEvents } from './missing-events.ts'
import { listing, ourSide, record, report, taken, venueFill, venueOrder } from './reconciliation.fixture.ts'
import { newMemory, type Reconciliation } from './report.ts'

function kinds(outcome: Reconciliation): string[] {
  return outcome.events.map(event => {
    if (event.kind === 'fill') return `fill ${event.record.clientOrderId} ${event.fill.quantity}`
    if (event.kind === 'order') return `${event.event} ${event.record.clientOrderId}`
    if (event.kind === 'orphan_adopted' || event.kind === 'foreign_order_seen')
      return `${event.kind} ${event.order.clientOrderId}`
    return event.kind
  })
}

test('worked example: two open, one unknown, one cancelled; the venue lists A, a foreign X and our own Z', () => {
  const ours = ourSide([
    record('ekA', 'open'),
    record('ekB', 'open'),
    record('ekC', 'unknown'),
    record('ekD', 'cancelled', { evidenceAtMs: 3_000 }),
  ])
  const sections = {
    openOrders: listing(venueOrder('ekA'), venueOrder('X'), venueOrder('ekZ')),
    fills: listing(venueFill('ekA', '1', '0.3'), venueFill('ekD', '2', '0.2'), venueFill('ekC', '3', '1')),
  }
  const first = missingEvents(ours, report(1, sections), newMemory())
  assert.deepEqual(kinds(first), ['fill ekA 0.3', 'fill ekC 1', 'fill ekD 0.2', 'orphan_adopted ekZ', 'foreign_order_seen X'])
  assert.deepEqual(first.probes, [])

  const same = missingEvents(ours, report(1, sections), first.memory)
  assert.deepEqual(kinds(same), [])

  const next = missingEvents(taken(ours, first), report(2, sections), first.memory)
  assert.deepEqual(kinds(next), [])
  assert.deepEqual(
    next.probes.map(probe => [probe.clientOrderId, probe.why]),
    [['ekB', 'missing']],
  )
})
