import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Decimal, sumDecimals } from '../../core/money/decimal.ts'
import { ORDER_STATUSES, type OrderStatus } from '../../core/orders/order.ts'
import type { OrderRecord } from '../account-store.ts'
import type { Listing, VenueBalance, VenueOrder, VenuePosition } from '../venue.ts'
import { missingEvents } from './missing-events.ts'
import { d, listing, ourSide, record, report, SYMBOL, taken, venueFill, venueOrder, withFill } from './reconciliation.fixture.ts'
import { newMemory, type OurSide, type Reconciliation, type VenueReport } from './report.ts'

function kinds(outcome: Reconciliation): string[] {
  return outcome.events.map(event => {
    if (event.kind === 'fill') return `fill ${event.record.clientOrderId} ${event.fill.quantity}`
    if (event.kind === 'order') return `${event.event} ${event.record.clientOrderId}`
    if (event.kind === 'triggered') return `triggered ${event.record.clientOrderId}`
    if (event.kind === 'orphan_adopted' || event.kind === 'foreign_order_seen')
      return `${event.kind} ${event.order.clientOrderId}`
    if (event.kind === 'drift') return `drift ${event.currency} ${event.amount}`
    if (event.kind === 'ghost_position')
      return `ghost ${event.symbol} ${event.side} ${event.quantity} by ${event.closedBy.length}`
    return `position_seen ${event.symbol} ${event.ours} ${event.venue}`
  })
}

function probed(outcome: Reconciliation): string[] {
  return outcome.probes.map(probe => `${probe.clientOrderId} ${probe.why}`)
}

/** The same sections report after report, the steps of each taken before the next. */
function reports(
  ours: OurSide,
  count: number,
  sections: Partial<VenueReport>,
): { events: string[][]; probes: string[][]; ours: OurSide } {
  let side = ours
  let memory = newMemory()
  const events: string[][] = []
  const probes: string[][] = []
  for (let id = 1; id <= count; id += 1) {
    const outcome = missingEvents(side, report(id, sections), memory)
    events.push(kinds(outcome))
    probes.push(probed(outcome))
    side = taken(side, outcome)
    memory = outcome.memory
  }
  return { events, probes, ours: side }
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

const PERP = 'BTC/USDT:USDT'

function balances(rows: Record<string, string>): Listing<VenueBalance> {
  return listing(...Object.entries(rows).map(([currency, free]) => ({ currency, free: d(free), locked: d(0) })))
}

function perps(rows: Record<string, string>): Listing<VenuePosition> {
  return listing(...Object.entries(rows).map(([symbol, quantity]) => ({ symbol, quantity: d(quantity), entryPrice: null })))
}

describe('positions of derivatives', () => {
  const held = (quantity: string): OurSide => ourSide([], { positions: [{ symbol: PERP, quantity: d(quantity), coin: null }] })
  const foreignSale = venueFill('hand', '1', '0.3', { symbol: PERP, side: 'sell' })
  const rows: [string, OurSide, Partial<VenueReport>, string[]][] = [
    ['equal', held('0.5'), { positions: perps({ [PERP]: '0.5' }) }, []],
    ['less there, nobody knows why', held('0.5'), { positions: perps({ [PERP]: '0.2' }) }, [`ghost ${PERP} long 0.3 by 0`]],
    [
      'less there, closed by a fill of others',
      held('0.5'),
      { positions: perps({ [PERP]: '0.2' }), fills: listing(foreignSale) },
      [`ghost ${PERP} long 0.3 by 1`],
    ],
    [
      'less there, fills explain another amount',
      held('0.5'),
      { positions: perps({ [PERP]: '0.1' }), fills: listing(foreignSale) },
      [`ghost ${PERP} long 0.4 by 0`],
    ],
    ['a short', held('-0.5'), { positions: perps({ [PERP]: '-0.2' }) }, [`ghost ${PERP} short 0.3 by 0`]],
    [
      'nothing listed beside balances',
      held('0.5'),
      { positions: perps({}), balances: balances({ USDT: '0' }) },
      [`ghost ${PERP} long 0.5 by 0`],
    ],
    ['nothing listed at all', held('0.5'), { positions: perps({}), balances: balances({}) }, []],
    ['nothing listed, balances failed', held('0.5'), { positions: perps({}) }, []],
    ['an unfinished list', held('0.5'), { positions: { rows: [], complete: false }, balances: balances({ USDT: '0' }) }, []],
    ['fills not read', held('0.5'), { positions: perps({ [PERP]: '0.2' }), fills: null }, []],
    ['fills not read to the end', held('0.5'), { positions: perps({ [PERP]: '0.2' }), fills: { rows: [], complete: false } }, []],
    ['more there', held('0.5'), { positions: perps({ [PERP]: '0.8' }) }, [`position_seen ${PERP} 0.5 0.8`]],
    ['there and not here', ourSide([]), { positions: perps({ [PERP]: '-0.8' }) }, [`position_seen ${PERP} 0 -0.8`]],
    [
      'ignored by people',
      { ...held('0.5'), ignoredPositions: new Map([[PERP, d('0.3')]]) },
      { positions: perps({ [PERP]: '0.8' }) },
      [],
    ],
  ]
  for (const [name, ours, sections, expected] of rows) {
    test(name, () => {
      const { events } = reports(ours, 4, sections)
      assert.deepEqual(events, [[], expected, [], []])
    })
  }

  test('the other way round all of ours is gone, and what is there is of others', () => {
    const { events } = reports(held('0.5'), 5, { positions: perps({ [PERP]: '-0.2' }) })
    assert.deepEqual(events, [[], [`ghost ${PERP} long 0.5 by 0`], [], [`position_seen ${PERP} 0 -0.2`], []])
  })

  test('a position of others stays an open difference and is told once', () => {
    const sections = { positions: perps({ [PERP]: '0.8' }) }
    let memory = newMemory()
    for (let id = 1; id <= 5; id += 1) {
      const outcome = missingEvents(ourSide([]), report(id, sections), memory)
      assert.equal(outcome.openDifferences, 1)
      assert.equal(outcome.events.length, id === 2 ? 1 : 0)
      memory = outcome.memory
    }
  })

  test('an order in doubt on the same instrument could explain it', () => {
    const inDoubt = record('a', 'unknown', { order: { symbol: PERP } })
    const ours = { ...held('0.5'), records: [inDoubt] }
    assert.deepEqual(reports(ours, 4, { positions: perps({ [PERP]: '0.2' }) }).events.flat(), [])
  })
})

describe('coins of spot deals', () => {
  const ours = ourSide([], {
    positions: [
      { symbol: SYMBOL, quantity: d(2), coin: 'SOL' },
      { symbol: 'SOL/USDC', quantity: d(1), coin: 'SOL' },
    ],
    balances: new Map([['SOL', d(3)]]),
  })

  test('the whole balance covers all deals, whoever else holds some', () => {
    assert.deepEqual(reports(ours, 3, { balances: balances({ SOL: '3' }) }).events, [[], [], []])
  })

  test('what it does not cover is gone from the deals, one after the other', () => {
    const { events } = reports(ours, 2, { balances: balances({ SOL: '0.5' }) })
    assert.deepEqual(events, [[], [`ghost ${SYMBOL} long 2 by 0`, 'ghost SOL/USDC long 0.5 by 0']])
  })

  test('balances that failed, are unfinished or empty take nothing away', () => {
    for (const section of [null, { rows: [], complete: false }, balances({})]) {
      assert.deepEqual(reports(ours, 4, { balances: section }).events.flat(), [])
    }
  })
})

describe('balances', () => {
  const books = (rows: Record<string, string>, records: OrderRecord[] = []): OurSide =>
    ourSide(records, {
      balances: new Map(Object.entries(rows).map(([currency, amount]): [string, Decimal] => [currency, d(amount)])),
    })
  const open = listing(venueOrder('a'))

  test('a difference that two reports show is drift, exactly', () => {
    const { events } = reports(books({ USDT: '100.00000001', BNB: '1' }), 3, { balances: balances({ USDT: '100', BNB: '1' }) })
    assert.deepEqual(events, [[], ['drift USDT -0.00000001'], []])
  })

  test('what the venue locks is there too, and zeros are no difference', () => {
    const section = listing<VenueBalance>(
      { currency: 'USDT', free: d(60), locked: d(40) },
      { currency: 'SHIB', free: d(0), locked: d(0) },
    )
    assert.deepEqual(reports(books({ USDT: '100', SOL: '0' }), 3, { balances: section }).events.flat(), [])
  })

  test('a coin that the books do not know, and one that the venue does not list', () => {
    const { events } = reports(books({ USDT: '100', BNB: '1' }), 3, { balances: balances({ USDT: '100', DOGE: '5' }) })
    assert.deepEqual(events, [[], ['drift BNB -1', 'drift DOGE 5'], []])
  })

  test('an amount that still changes begins anew', () => {
    const ours = books({ USDT: '100' })
    const first = missingEvents(ours, report(1, { balances: balances({ USDT: '101' }) }), newMemory())
    const second = missingEvents(ours, report(2, { balances: balances({ USDT: '102' }) }), first.memory)
    assert.deepEqual([kinds(second), second.openDifferences], [[], 1])
    const third = missingEvents(ours, report(3, { balances: balances({ USDT: '102' }) }), second.memory)
    assert.deepEqual([kinds(third), third.openDifferences], [['drift USDT 2'], 0])
  })

  const never: [string, OurSide, Partial<VenueReport>][] = [
    ['an order in doubt', books({ USDT: '100' }, [record('a', 'unknown')]), { openOrders: listing() }],
    ['an order in flight', books({ USDT: '100' }, [record('a', 'in_flight')]), { openOrders: listing() }],
    ['fills not read to the end', books({ USDT: '100' }), { fills: { rows: [], complete: false } }],
    ['fills not read', books({ USDT: '100' }), { fills: null }],
    ['an order that is missing', books({ USDT: '100' }, [record('a', 'open')]), { openOrders: listing() }],
    [
      'an end that waits for its fills',
      books({ USDT: '100' }, [record('a', 'open')]),
      { openOrders: listing(venueOrder('a', { executedQuantity: d('0.5') })) },
    ],
    ['a fill of ours without a record', books({ USDT: '100' }), { fills: listing(venueFill('ekQ', '8', '0.2')) }],
  ]
  for (const [name, ours, sections] of never) {
    test(`no drift while there is ${name}`, () => {
      const { events } = reports(ours, 5, { openOrders: open, balances: balances({ USDT: '99' }), ...sections })
      assert.deepEqual(
        events.flat().filter(each => each.startsWith('drift')),
        [],
      )
    })
  }

  test('no drift while an order changed within five seconds', () => {
    const ours = { ...books({ USDT: '100' }, [record('a', 'open')]), touchedAtMs: new Map([['a', 118_000]]) }
    const sections = { openOrders: open, balances: balances({ USDT: '99' }) }
    const first = missingEvents(ours, report(1, sections), newMemory())
    const second = missingEvents(ours, report(2, sections), first.memory)
    assert.deepEqual(kinds(second), [])
    assert.deepEqual(kinds(missingEvents(ours, report(3, sections), second.memory)), [])
    assert.equal(
      kinds(missingEvents(ours, report(4, sections), missingEvents(ours, report(3, sections), second.memory).memory)).length,
      1,
    )
  })
})

describe('property', () => {
  const tenths = (min: number, max: number) => fc.integer({ min, max }).map(n => d(n).shifted(-1))
  const ids = fc.constantFrom('ekA', 'ekB', 'ekC', 'ekD', 'ekE', 'X', 'Y')
  const anyRecord = fc
    .record({
      id: ids,
      status: fc.constantFrom(...ORDER_STATUSES),
      filled: tenths(1, 9),
      evidenceAtMs: fc.integer({ min: 999, max: 1_001 }),
    })
    .map(({ id, status, filled, evidenceAtMs }) => {
      const filledQuantity = status === 'filled' ? d(1) : status === 'part_filled' ? filled : d(0)
      return record(id, status, { evidenceAtMs, order: { filledQuantity } })
    })
  const anyOrder = fc
    .record({
      id: ids,
      status: fc.constantFrom<VenueOrder['status']>('open', 'open', 'filled', 'cancelled', 'expired', 'rejected'),
      executedQuantity: fc.option(tenths(0, 10)),
      updatedAtMs: fc.integer({ min: 999, max: 1_002 }),
    })
    .map(({ id, ...rest }) => venueOrder(id, rest))
  const anyFill = fc
    .record({ id: fc.integer({ min: 1, max: 9 }), of: ids, quantity: tenths(1, 5) })
    .map(({ id, of, quantity }) => venueFill(of, `${of}${id}`, quantity.toString()))
  const section = <Row>(row: fc.Arbitrary<Row>) =>
    fc.option(fc.record({ rows: fc.array(row, { maxLength: 6 }), complete: fc.boolean() }))
  const anyBalance = fc.record({ currency: fc.constantFrom('SOL', 'USDT'), free: tenths(0, 5), locked: tenths(0, 2) })
  const anyPosition = fc.record({
    symbol: fc.constantFrom(PERP, 'ETH/USDT:USDT'),
    quantity: tenths(-5, 5),
    entryPrice: fc.constant(null),
  })
  const sections = fc.record({
    openOrders: section(anyOrder),
    history: section(anyOrder),
    fills: section(anyFill),
    balances: section(anyBalance),
    positions: section(anyPosition),
  })
  const sides = fc
    .record({
      records: fc.uniqueArray(anyRecord, { selector: each => each.clientOrderId, maxLength: 5 }),
      sol: tenths(0, 5),
      usdt: tenths(0, 5),
      perp: tenths(-5, 5),
    })
    .map(({ records, sol, usdt, perp }) =>
      ourSide(records, {
        positions: [
          { symbol: SYMBOL, quantity: sol, coin: 'SOL' },
          { symbol: PERP, quantity: perp, coin: null },
        ],
        balances: new Map([
          ['SOL', sol],
          ['USDT', usdt],
        ]),
      }),
    )

  test('the same report again owes nothing, taken or not', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const first = missingEvents(ours, report(1, parts), newMemory())
        assert.deepEqual(kinds(missingEvents(ours, report(1, parts), first.memory)), [])
        assert.deepEqual(kinds(missingEvents(taken(ours, first), report(1, parts), first.memory)), [])
      }),
      { numRuns: 500 },
    )
  })

  test('a second comparison owes no order anything, and after differences were told none owes anything at all', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const { events } = reports(ours, 9, parts)
        const aboutHoldings = (each: string): boolean => /^(drift|ghost|position_seen)/.test(each)
        assert.deepEqual(
          events
            .slice(1)
            .flat()
            .filter(each => !aboutHoldings(each)),
          [],
        )
        assert.deepEqual(events.slice(5).flat(), [])
      }),
      { numRuns: 500 },
    )
  })

  test('sections that failed or are unfinished take nothing away', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const unfinished = Object.fromEntries(
          Object.entries(parts).map(([name, each]) => [name, each && { ...each, complete: false }]),
        )
        const { events, probes } = reports(ours, 5, unfinished)
        assert.deepEqual(
          events.flat().filter(each => /^(drift|ghost|position_seen|missing)/.test(each)),
          [],
        )
        assert.deepEqual(
          probes.flat().filter(each => each.endsWith('missing')),
          [],
        )
      }),
      { numRuns: 500 },
    )
  })

  test('whatever was missed: truthful reports and look-ups bring our records to what the venue knows', () => {
    const truth = fc.record({
      fills: fc.array(tenths(1, 3), { maxLength: 3 }),
      ended: fc.option(fc.constantFrom<VenueOrder['status']>('cancelled', 'expired')),
      states: fc.boolean(),
      isThere: fc.boolean(),
      ours: fc.constantFrom<OrderStatus>('in_flight', 'unknown', 'open'),
      booked: fc.nat(3),
    })
    fc.assert(
      fc.property(fc.array(truth, { minLength: 1, maxLength: 5 }), fc.boolean(), (rows, hasHistory) => {
        const orders = rows.map((row, i) => {
          const id = `ek${i}`
          const fills = row.fills.map((quantity, n) => venueFill(id, `${id}-${n}`, quantity.toString()))
          const executed = sumDecimals(row.fills)
          const there = venueOrder(id, {
            status: row.ended ?? 'open',
            executedQuantity: row.states ? executed : null,
            updatedAtMs: 2_000,
          })
          const known = fills.slice(0, row.booked).reduce(withFill, record(id, row.ours))
          return {
            ...row,
            id,
            fills: row.isThere ? fills : [],
            there,
            executed,
            known: row.isThere ? known : record(id, row.ours),
          }
        })
        const present = orders.filter(each => each.isThere)
        const booked = orders.flatMap(each => each.fills.slice(0, each.booked).map(fill => `${SYMBOL}|${fill.venueFillId}`))
        let ours = ourSide(
          orders.map(each => each.known),
          { booked: new Set(booked) },
        )
        let memory = newMemory()
        let lookedUp: VenueReport['lookedUp'] = []
        for (let id = 1; id <= 5; id += 1) {
          const there = present.map(each => each.there)
          const parts: Partial<VenueReport> = {
            openOrders: listing(...there.filter(each => each.status === 'open')),
            history: hasHistory ? listing(...there) : null,
            fills: listing(...present.flatMap(each => each.fills)),
            lookedUp,
          }
          const outcome = missingEvents(ours, report(id, parts), memory)
          ours = taken(ours, outcome)
          memory = outcome.memory
          lookedUp = outcome.probes.map(({ clientOrderId }) => ({
            clientOrderId,
            order: present.find(each => each.id === clientOrderId)?.there ?? null,
          }))
        }
        for (const { id, isThere, executed, ended, ours: before } of orders) {
          const { order } = ours.records.find(each => each.clientOrderId === id)!
          if (!isThere) {
            // Nothing but a proof of absence ends it.
            assert.equal(order.status, before === 'open' ? 'unknown' : before)
            continue
          }
          assert.equal(order.filledQuantity.toString(), executed.toString())
          // Not listed, without a fill: that is for the probes of what is in doubt.
          if (ended && executed.isZero() && !hasHistory && before !== 'open') assert.equal(order.status, before)
          else assert.equal(order.status, ended ?? (executed.isZero() ? 'open' : 'part_filled'))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('plain memory: it survives JSON', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const { memory } = missingEvents(ours, report(1, parts), newMemory())
        assert.deepEqual(JSON.parse(JSON.stringify(memory)), memory)
      }),
    )
  })
})
