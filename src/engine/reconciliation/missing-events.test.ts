import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OrderRecord } from '../account-store.ts'
import { missingEvents } from './missing-events.ts'
import {
  d,
  kinds,
  listing,
  ourSide,
  probed,
  record,
  report,
  reports,
  SYMBOL,
  taken,
  venueFill,
  venueOrder,
} from './reconciliation.fixture.ts'
import { newMemory, type VenueReport } from './report.ts'

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

  // Counted once, whether its steps are taken by then or not.
  assert.deepEqual(kinds(missingEvents(ours, report(1, sections), first.memory)), [])
  assert.deepEqual(kinds(missingEvents(taken(ours, first), report(1, sections), first.memory)), [])

  const next = missingEvents(taken(ours, first), report(2, sections), first.memory)
  assert.deepEqual(kinds(next), [])
  assert.deepEqual(probed(next), ['ekB missing'])
})

describe('live here, not listed there', () => {
  const ours = ourSide([record('a', 'open')])

  test('one miss is nothing, the second is looked up, and only a look-up that fails makes it missing', () => {
    const first = missingEvents(ours, report(1), newMemory())
    assert.deepEqual([kinds(first), probed(first), first.openDifferences], [[], [], 0])
    const second = missingEvents(ours, report(2), first.memory)
    assert.deepEqual([kinds(second), probed(second), second.openDifferences], [[], ['a missing'], 1])
    const third = missingEvents(ours, report(3), second.memory)
    assert.deepEqual([kinds(third), probed(third)], [[], ['a missing']])
    const gone = missingEvents(ours, report(4, { lookedUp: [{ clientOrderId: 'a', order: null }] }), third.memory)
    assert.deepEqual([kinds(gone), probed(gone)], [['missing a'], []])
    const after = missingEvents(taken(ours, gone), report(5), gone.memory)
    assert.deepEqual([kinds(after), probed(after)], [[], []])
  })

  test('found by the look-up it was never missing', () => {
    const { memory } = missingEvents(ours, report(2), missingEvents(ours, report(1), newMemory()).memory)
    const found = missingEvents(ours, report(3, { lookedUp: [{ clientOrderId: 'a', order: venueOrder('a') }] }), memory)
    assert.deepEqual([kinds(found), probed(found)], [[], []])
    assert.deepEqual(found.memory.misses, {})
  })

  test('found ended by the look-up: its end, with its fills first', () => {
    const ended = venueOrder('a', { status: 'cancelled', executedQuantity: d('0.4'), updatedAtMs: 2_000 })
    const { memory } = missingEvents(ours, report(2), missingEvents(ours, report(1), newMemory()).memory)
    const lookedUp = [{ clientOrderId: 'a', order: ended }]
    const waiting = missingEvents(ours, report(3, { lookedUp }), memory)
    assert.deepEqual([kinds(waiting), probed(waiting)], [[], ['a fills']])
    const whole = missingEvents(ours, report(4, { lookedUp, fills: listing(venueFill('a', '1', '0.4')) }), waiting.memory)
    assert.deepEqual(kinds(whole), ['fill a 0.4', 'cancelled a'])
  })

  const nothing: [string, Partial<VenueReport>][] = [
    ['a list that failed', { openOrders: null }],
    ['an unfinished list', { openOrders: { rows: [], complete: false } }],
    ['an unfinished list of others', { openOrders: { rows: [venueOrder('X')], complete: false } }],
  ]
  for (const [name, sections] of nothing) {
    test(`${name} concludes nothing, however often`, () => {
      const { probes, events } = reports(ours, 5, sections)
      assert.deepEqual(probes.flat(), [])
      assert.deepEqual(
        events.flat().filter(each => !each.startsWith('foreign')),
        [],
      )
    })
  }

  test('a failed list between two misses does not start the count anew', () => {
    const first = missingEvents(ours, report(1), newMemory())
    const failed = missingEvents(ours, report(2, { openOrders: null }), first.memory)
    assert.deepEqual(probed(failed), [])
    assert.deepEqual(probed(missingEvents(ours, report(3), failed.memory)), ['a missing'])
  })

  test('two reports within five seconds are one', () => {
    const first = missingEvents(ours, report(1, { atMs: 100_000 }), newMemory())
    const soon = missingEvents(ours, report(2, { atMs: 104_999 }), first.memory)
    assert.deepEqual(probed(soon), [])
    assert.deepEqual(probed(missingEvents(ours, report(3, { atMs: 105_000 }), soon.memory)), ['a missing'])
  })

  test('our clock was set back: later reports still count', () => {
    const first = missingEvents(ours, report(1, { atMs: 3_600_000 }), newMemory())
    assert.deepEqual(probed(missingEvents(ours, report(2, { atMs: 60_000 }), first.memory)), ['a missing'])
  })

  test('touched less than five seconds ago it waits; its fills do not', () => {
    const touched = ourSide([record('a', 'open')], { touchedAtMs: new Map([['a', 56_000]]) })
    const sections = { fills: listing(venueFill('a', '1', '0.2')) }
    const first = missingEvents(touched, report(1, sections), newMemory())
    assert.deepEqual([kinds(first), first.memory.misses], [['fill a 0.2'], {}])
    const settled = ourSide([record('a', 'open')], { touchedAtMs: new Map([['a', 55_000]]) })
    assert.deepEqual(Object.keys(missingEvents(settled, report(1), newMemory()).memory.misses), ['a'])
  })

  test('what is in flight, in doubt or only ours is not missed', () => {
    const others = ourSide([
      record('a', 'intended'),
      record('b', 'in_flight'),
      record('c', 'unknown'),
      record('d', 'open', { isAcknowledged: false, order: { isVirtual: true } }),
    ])
    assert.deepEqual(reports(others, 4, {}).probes.flat(), [])
  })

  test('what its fills have ended is not missed', () => {
    assert.deepEqual(reports(ours, 4, { fills: listing(venueFill('a', '1', '1')) }).probes.flat(), [])
  })
})

describe('other rows of the table', () => {
  const rows: [string, OrderRecord, Partial<VenueReport>, string[]][] = [
    ['in doubt and listed', record('a', 'unknown'), { openOrders: listing(venueOrder('a')) }, ['accepted a']],
    [
      'in doubt, ended in the history',
      record('a', 'unknown'),
      { history: listing(venueOrder('a', { status: 'rejected' })) },
      ['rejected a'],
    ],
    [
      'in doubt, listed under the venue id alone',
      record('a', 'unknown'),
      { openOrders: listing(venueOrder(null, { venueOrderId: 'v-a' })) },
      ['accepted a'],
    ],
    ['ended and listed, not newer', record('a', 'cancelled'), { openOrders: listing(venueOrder('a')) }, []],
    [
      'ended and listed, newer',
      record('a', 'cancelled'),
      { openOrders: listing(venueOrder('a', { updatedAtMs: 2_000 })) },
      ['accepted a'],
    ],
    [
      'the newer of two words counts',
      record('a', 'open'),
      {
        openOrders: listing(venueOrder('a', { updatedAtMs: 2_000 })),
        history: listing(venueOrder('a', { status: 'cancelled', executedQuantity: d(0), updatedAtMs: 3_000 })),
      },
      ['cancelled a'],
    ],
    [
      'of two words at one time the end counts',
      record('a', 'open'),
      {
        openOrders: listing(venueOrder('a')),
        history: listing(venueOrder('a', { status: 'cancelled', executedQuantity: d(0) })),
      },
      ['cancelled a'],
    ],
    [
      'a fill under the venue id that its listing tells',
      record('a', 'unknown', { venueOrderId: null }),
      { openOrders: listing(venueOrder('a')), fills: listing(venueFill(null, '1', '0.2', { venueOrderId: 'v-a' })) },
      ['fill a 0.2', 'accepted a'],
    ],
  ]
  for (const [name, ours, sections, expected] of rows) {
    test(name, () => assert.deepEqual(kinds(missingEvents(ourSide([ours]), report(1, sections), newMemory())), expected))
  }

  test('a revived order is marked, to be cancelled if nobody wants it', () => {
    const outcome = missingEvents(
      ourSide([record('a', 'cancelled')]),
      report(1, { openOrders: listing(venueOrder('a', { updatedAtMs: 2_000 })) }),
      newMemory(),
    )
    assert.deepEqual(
      outcome.events.map(event => event.kind === 'order' && event.revived),
      [true],
    )
  })

  test('fills come before any other step, of whichever order', () => {
    const ours = ourSide([record('a', 'unknown'), record('b', 'open')])
    const sections = { openOrders: listing(venueOrder('a'), venueOrder('b')), fills: listing(venueFill('b', '1', '0.1')) }
    assert.deepEqual(kinds(missingEvents(ours, report(1, sections), newMemory())), ['fill b 0.1', 'accepted a'])
  })

  test('an orphan comes with its fills, once; one that ended without executing anything concerns nobody', () => {
    const sections = {
      openOrders: listing(venueOrder('ekZ')),
      history: listing(venueOrder('ekY', { status: 'cancelled', executedQuantity: d(0) })),
      fills: listing(venueFill('ekZ', '5', '0.2'), venueFill('ekZ', '5', '0.2')),
    }
    const first = missingEvents(ourSide([]), report(1, sections), newMemory())
    assert.deepEqual(kinds(first), ['orphan_adopted ekZ'])
    const [event] = first.events
    assert.ok(event?.kind === 'orphan_adopted')
    assert.deepEqual([event.fills.length, event.key.purpose], [1, 'avg'])
    assert.deepEqual(kinds(missingEvents(ourSide([]), report(2, sections), first.memory)), [])
  })

  test('fills of an orphan under the venue id alone are its own', () => {
    const sections = {
      openOrders: listing(venueOrder('ekZ')),
      fills: listing(venueFill(null, '5', '0.2', { venueOrderId: 'v-ekZ' }), venueFill('ekZ', '6', '0.3')),
    }
    const outcome = missingEvents(ourSide([]), report(1, sections), newMemory())
    const [event] = outcome.events
    assert.ok(event?.kind === 'orphan_adopted')
    assert.deepEqual(event.fills.map(fill => fill.venueFillId).sort(), ['5', '6'])
    assert.equal(outcome.foreignFills.size, 0)
  })

  test('a fill of ours whose order nobody knows is looked up; the cursor does not pass it', () => {
    const fills = listing(venueFill('ekQ', '8', '0.2'), venueFill('X', '9', '0.2'))
    const outcome = missingEvents(ourSide([]), report(1, { fills }), newMemory())
    assert.deepEqual([kinds(outcome), probed(outcome)], [[], ['ekQ unrecorded']])
    assert.deepEqual([...outcome.foreignFills], [`${SYMBOL}|9`])
    const order = venueOrder('ekQ', { status: 'filled', executedQuantity: d('0.2'), quantity: d('0.2') })
    const found = missingEvents(ourSide([]), report(2, { fills, lookedUp: [{ clientOrderId: 'ekQ', order }] }), outcome.memory)
    assert.deepEqual([kinds(found), probed(found)], [['orphan_adopted ekQ'], []])
  })

  test('a foreign order is told once, over restarts too, and by symbol', () => {
    const openOrders = listing(venueOrder('X'), venueOrder('X', { symbol: 'BTC/USDT' }))
    const memory = newMemory([{ symbol: SYMBOL, venueOrderId: 'v-X' }])
    const outcome = missingEvents(ourSide([]), report(1, { openOrders }), memory)
    assert.equal(outcome.events.length, 1)
    assert.deepEqual(missingEvents(ourSide([]), report(2, { openOrders }), outcome.memory).events, [])
  })

  test('an order without an id that looks like one in doubt is not called foreign yet', () => {
    const openOrders = listing(venueOrder(null, { venueOrderId: '77' }))
    const inDoubt = ourSide([record('a', 'unknown', { venueOrderId: null })])
    assert.deepEqual(kinds(missingEvents(inDoubt, report(1, { openOrders }), newMemory())), [])
    const other = ourSide([record('a', 'unknown', { venueOrderId: null, order: { quantity: d(5) } })])
    assert.deepEqual(kinds(missingEvents(other, report(1, { openOrders }), newMemory())), ['foreign_order_seen null'])
  })
})
