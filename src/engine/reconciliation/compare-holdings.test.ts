import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Decimal } from '../../core/money/decimal.ts'
import type { OrderRecord } from '../account-store.ts'
import type { VenueBalance } from '../venue.ts'
import { missingEvents } from './missing-events.ts'
import {
  balances,
  d,
  kinds,
  listing,
  ourSide,
  PERP,
  perps,
  record,
  report,
  reports,
  SYMBOL,
  venueFill,
  venueOrder,
} from './reconciliation.fixture.ts'
import { newMemory, type OurSide, type VenueReport } from './report.ts'

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

  test('beside an order in doubt a difference is believed once it has stood for two minutes', () => {
    const ours = books({ USDT: '100' }, [record('a', 'unknown')])
    const { events } = reports(ours, 5, { openOrders: listing(), balances: balances({ USDT: '99' }) })
    const drifts = events.map(kinds => kinds.filter(each => each.startsWith('drift')))
    assert.deepEqual(drifts.slice(0, 2), [[], []])
    assert.deepEqual(drifts.flat()[0], 'drift USDT -1')
  })

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
