import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ORDER_STATUSES, type OrderStatus, TRIGGERED } from '../../core/orders/order.ts'
import type { OrderRecord } from '../account-store.ts'
import type { VenueFill, VenueOrder } from '../venue.ts'
import { type Evidence, evidenceEvents, syntheticFillId, type VenueWord } from './evidence.ts'
import { d, record, SYMBOL, stepped, takeEvidence, venueFill, venueOrder } from './reconciliation.fixture.ts'

const NONE: ReadonlySet<string> = new Set()

function steps(evidence: Evidence): string[] {
  return evidence.events.map(step => {
    if (step.kind === 'fill') return `fill ${step.fill.venueFillId} ${step.fill.quantity}`
    return step.kind === 'order' ? step.event : step.kind
  })
}

/** The record once the steps were taken, and what is booked then. */
function takenSteps(before: OrderRecord, evidence: Evidence, booked: ReadonlySet<string>): [OrderRecord, Set<string>] {
  const all = new Set(booked)
  return [takeEvidence(before, evidence, all), all]
}

test('worked example: touch is lost, a fill comes, the venue cancels, a last fill comes late', () => {
  for (const [late, end] of [
    ['0.1', 'cancelled'],
    ['0.6', 'filled'],
  ] as const) {
    let ours = stepped(stepped(record('a', 'intended', { venueOrderId: null, evidenceAtMs: 0 }), 'sent'), 'lost_touch')
    let booked: ReadonlySet<string> = NONE
    const statuses: OrderStatus[] = [ours.order.status]
    const take = (word: VenueWord): void => {
      const [next, all] = takenSteps(ours, evidenceEvents(ours, word, booked), booked)
      ours = next
      booked = all
      statuses.push(ours.order.status)
    }
    take({ order: null, fills: [venueFill('a', '1', '0.4')] })
    take({ order: venueOrder('a', { status: 'cancelled', executedQuantity: d('0.4'), updatedAtMs: 3_000 }), fills: [] })
    take({ order: null, fills: [venueFill('a', '2', late)] })
    assert.deepEqual(statuses, ['unknown', 'part_filled', 'cancelled', end])
    assert.equal(ours.order.filledQuantity.toString(), d('0.4').plus(d(late)).toString())
  }
})

describe('what a word means', () => {
  const part = { order: { filledQuantity: d('0.3') } }
  const rows: [string, OrderRecord, Partial<VenueWord> & { word?: Partial<VenueOrder> }, string[], boolean][] = [
    ['in flight, open', record('a', 'in_flight'), { word: {} }, ['accepted'], false],
    ['in doubt, open', record('a', 'unknown'), { word: {} }, ['accepted'], false],
    ['in doubt, rejected', record('a', 'unknown'), { word: { status: 'rejected' } }, ['rejected'], false],
    ['open, open', record('a', 'open'), { word: { updatedAtMs: 9_000 } }, [], false],
    [
      'filled by a fill that was not confirmed',
      record('a', 'part_filled', { isAcknowledged: false, ...part }),
      { word: {} },
      ['accepted'],
      false,
    ],
    ['open with more executed', record('a', 'open'), { word: { executedQuantity: d('0.5') } }, [], true],
    [
      'fills come first',
      record('a', 'unknown'),
      { word: { executedQuantity: d('0.5') }, fills: [venueFill('a', '1', '0.5')] },
      ['fill 1 0.5', 'accepted'],
      false,
    ],
    [
      'cancelled, all booked',
      record('a', 'part_filled', part),
      { word: { status: 'cancelled', executedQuantity: d('0.3') } },
      ['cancelled'],
      false,
    ],
    [
      'cancelled, a fill is missing',
      record('a', 'part_filled', part),
      { word: { status: 'cancelled', executedQuantity: d('0.4') } },
      [],
      true,
    ],
    [
      'cancelled, the fill is there',
      record('a', 'part_filled', part),
      { word: { status: 'cancelled', executedQuantity: d('0.4') }, fills: [venueFill('a', '2', '0.1')] },
      ['fill 2 0.1', 'cancelled'],
      false,
    ],
    [
      'expired, one of two fills is there',
      record('a', 'open'),
      { word: { status: 'expired', executedQuantity: d('0.4') }, fills: [venueFill('a', '2', '0.1')] },
      ['fill 2 0.1'],
      true,
    ],
    ['cancelled, nothing stated', record('a', 'open'), { word: { status: 'cancelled' } }, [], true],
    [
      'cancelled, nothing stated, all fills read',
      record('a', 'open'),
      { word: { status: 'cancelled' }, fillsComplete: true },
      ['cancelled'],
      false,
    ],
    ['cancelled already, nothing stated', record('a', 'cancelled'), { word: { status: 'cancelled' } }, [], false],
    ['rejected states nothing', record('a', 'in_flight'), { word: { status: 'rejected' } }, ['rejected'], false],
    ['filled is not believed', record('a', 'open'), { word: { status: 'filled', executedQuantity: d(1) } }, [], true],
    ['filled, nothing stated', record('a', 'open'), { word: { status: 'filled' } }, [], true],
    [
      'filled, by its fills',
      record('a', 'open'),
      { word: { status: 'filled', executedQuantity: d(1) }, fills: [venueFill('a', '1', '1')] },
      ['fill 1 1'],
      false,
    ],
    [
      'done with less than we ordered',
      record('a', 'open'),
      { word: { status: 'filled', executedQuantity: d('0.5') }, fills: [venueFill('a', '1', '0.5')] },
      ['fill 1 0.5', 'expired'],
      false,
    ],
    [
      'older: only its fills',
      record('a', 'open', { evidenceAtMs: 5_000 }),
      { word: { status: 'cancelled', executedQuantity: d('0.2'), updatedAtMs: 4_999 }, fills: [venueFill('a', '1', '0.2')] },
      ['fill 1 0.2'],
      false,
    ],
    [
      'as old: its news',
      record('a', 'open', { evidenceAtMs: 5_000 }),
      { word: { status: 'cancelled', executedQuantity: d(0), updatedAtMs: 5_000 } },
      ['cancelled'],
      false,
    ],
    ['ended, open but not newer', record('a', 'cancelled'), { word: {} }, [], false],
    ['ended, open and newer', record('a', 'cancelled'), { word: { updatedAtMs: 1_001 } }, ['accepted'], false],
    ['rejected, yet open', record('a', 'rejected', { evidenceAtMs: 0 }), { word: {} }, ['accepted'], false],
    [
      'filled whole, still listed',
      record('a', 'filled', { order: { filledQuantity: d(1) } }),
      { word: { updatedAtMs: 9_000 } },
      [],
      false,
    ],
    [
      'less executed than booked: a listing from before',
      record('a', 'unknown', part),
      { word: { executedQuantity: d('0.1'), updatedAtMs: 9_000 } },
      [],
      false,
    ],
    ['late fill of an ended order', record('a', 'cancelled'), { fills: [venueFill('a', '1', '0.2')] }, ['fill 1 0.2'], false],
    [
      'a fill twice in one answer',
      record('a', 'open'),
      { fills: [venueFill('a', '1', '0.2'), venueFill('a', '1', '0.2')] },
      ['fill 1 0.2'],
      false,
    ],
    [
      'fills of others',
      record('a', 'open'),
      { fills: [venueFill('b', '1', '0.2'), venueFill('a', '2', '0.2', { symbol: 'BTC/USDT' })] },
      [],
      false,
    ],
    [
      'a fill that names only the venue order',
      record('a', 'open'),
      { fills: [venueFill(null, '1', '0.2', { venueOrderId: 'v-a' })] },
      ['fill 1 0.2'],
      false,
    ],
    ['a fill of nothing', record('a', 'open'), { fills: [venueFill('a', '1', '0')] }, [], false],
    ['a word about another order', record('a', 'unknown'), { word: { clientOrderId: 'b' } }, [], false],
  ]
  for (const [name, ours, { word, fills = [], fillsComplete = false }, expected, waits] of rows) {
    test(name, () => {
      const order = word ? venueOrder('a', word) : null
      const evidence = evidenceEvents(ours, { order, fills, fillsComplete }, NONE)
      assert.deepEqual(steps(evidence), expected)
      assert.equal(evidence.waitsForFills, waits)
    })
  }

  test('a booked fill is not told again', () => {
    const fills = [venueFill('a', '1', '0.2'), venueFill('a', '2', '0.3')]
    assert.deepEqual(steps(evidenceEvents(record('a', 'open'), { order: null, fills }, new Set([`${SYMBOL}|1`]))), ['fill 2 0.3'])
  })

  test('a touched stop works on, and says so once', () => {
    const stop = { type: 'stop', stopPrice: d(90), limitPrice: null, side: 'sell' } as const
    const word = venueOrder('a', { ...stop, isTriggered: true })
    assert.deepEqual(steps(evidenceEvents(record('a', 'open', { order: stop }), { order: word, fills: [] }, NONE)), ['triggered'])
    const told = record('a', 'open', { order: { ...stop, reason: TRIGGERED } })
    assert.deepEqual(steps(evidenceEvents(told, { order: word, fills: [] }, NONE)), [])
  })

  test('a cancel was refused or lost: that the order works on is told to who asks, not with every report', () => {
    for (const cancelState of ['refused', 'unknown'] as const) {
      const ours = record('a', 'open', { order: { cancelState } })
      const word = { order: venueOrder('a'), fills: [] }
      assert.deepEqual(steps(evidenceEvents(ours, word, NONE)), ['accepted'])
      assert.deepEqual(steps(evidenceEvents(ours, { ...word, isListed: true }, NONE)), [])
      const ended = record('a', 'cancelled', { order: { cancelState } })
      assert.deepEqual(steps(evidenceEvents(ended, word, NONE)), [])
    }
    for (const cancelState of ['none', 'requested', 'in_flight'] as const) {
      const ours = record('a', 'open', { order: { cancelState } })
      assert.deepEqual(steps(evidenceEvents(ours, { order: venueOrder('a'), fills: [] }, NONE)), [])
    }
  })

  test('an end that waits does not make later words old', () => {
    const waiting = evidenceEvents(
      record('a', 'open'),
      { order: venueOrder('a', { status: 'cancelled', executedQuantity: d('0.5'), updatedAtMs: 7_000 }), fills: [] },
      NONE,
    )
    assert.equal(waiting.evidenceAtMs, 1_000)
  })
})

describe('a venue without fill ids', () => {
  const nameless = (quantity: string, fee: string | null = '0.1'): VenueFill =>
    venueFill('a', '', quantity, { fee: fee === null ? null : d(fee) })

  test('executions are named by how much was executed with them', () => {
    const evidence = evidenceEvents(record('a', 'open'), { order: null, fills: [nameless('0.2'), nameless('0.3')] }, NONE)
    assert.deepEqual(steps(evidence), ['fill syn:a:0.2 0.2', 'fill syn:a:0.5 0.3'])
    assert.equal(syntheticFillId('a', d('0.50')), 'syn:a:0.5')
  })

  test('what was booked is not booked again, whatever ids turn up later', () => {
    const first = evidenceEvents(record('a', 'open'), { order: null, fills: [nameless('0.2'), nameless('0.3')] }, NONE)
    const [after, booked] = takenSteps(record('a', 'open'), first, NONE)
    const named = [venueFill('a', '91', '0.2'), venueFill('a', '92', '0.3'), venueFill('a', '93', '0.1')]
    assert.deepEqual(steps(evidenceEvents(after, { order: null, fills: named }, booked)), ['fill syn:a:0.6 0.1'])
  })

  test('of an execution that is booked in part the rest is taken with its share of the fee', () => {
    const ours = record('a', 'part_filled', { order: { filledQuantity: d('0.2') } })
    const [step] = evidenceEvents(ours, { order: null, fills: [nameless('0.5', '0.5')] }, NONE).events
    assert.ok(step?.kind === 'fill')
    assert.equal(step.fill.quantity.toString(), '0.3')
    assert.equal(step.fill.fee?.toString(), '0.3')
  })
})

describe('property', () => {
  const tenths = (max: number) => fc.integer({ min: 0, max }).map(n => d(n).shifted(-1))
  const word = fc.option(
    fc
      .record({
        status: fc.constantFrom<VenueOrder['status']>('open', 'filled', 'cancelled', 'expired', 'rejected'),
        executedQuantity: fc.option(tenths(12)),
        updatedAtMs: fc.integer({ min: 998, max: 1_002 }),
        isTriggered: fc.boolean(),
      })
      .map(rest => venueOrder('a', rest)),
  )
  const fills = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom('0.1', '0.3', '0.5')), { maxLength: 5 })
    .map(rows => rows.map(([id, quantity]) => venueFill('a', `${id}`, quantity)))
  const ours = fc
    .record({ status: fc.constantFrom(...ORDER_STATUSES), filled: tenths(9), evidenceAtMs: fc.integer({ min: 999, max: 1_001 }) })
    .map(({ status, filled, evidenceAtMs }) => {
      const filledQuantity = status === 'filled' ? d(1) : status === 'part_filled' ? filled : d(0)
      return record('a', status, { evidenceAtMs, order: { filledQuantity } })
    })
  const words = fc.record({ order: word, fills, fillsComplete: fc.boolean() })

  test('steps that are taken are not owed again', () => {
    fc.assert(
      fc.property(ours, words, (before, word) => {
        const [after, booked] = takenSteps(before, evidenceEvents(before, word, NONE), NONE)
        assert.deepEqual(steps(evidenceEvents(after, word, booked)), [])
      }),
      { numRuns: 2_000 },
    )
  })

  test('an end never comes before what the venue executed is booked, and no word fills an order', () => {
    fc.assert(
      fc.property(ours, words, (before, word) => {
        const evidence = evidenceEvents(before, word, NONE)
        const [after] = takenSteps(before, evidence, NONE)
        const names = steps(evidence)
        assert.ok(!names.includes('filled') && !names.includes('part_filled'))
        const ended = names.some(name => ['cancelled', 'expired', 'rejected'].includes(name))
        if (ended) assert.ok(after.order.filledQuantity.gte(word.order!.executedQuantity ?? d(0)))
        if (evidence.waitsForFills) assert.ok(!ended)
      }),
      { numRuns: 2_000 },
    )
  })
})
