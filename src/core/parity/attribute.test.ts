import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal, ZERO } from '../money/decimal.ts'
import { attribute, PARITY_PARTS, type ParityLeg, type ParityPart, type ParitySide, parityTotals } from './attribute.ts'

const d = (text: string | number): Decimal => Decimal.from(text)

function leg(
  key: string,
  role: 'entry' | 'exit',
  quantity: string,
  price: string,
  extra: Partial<ParityLeg> & { short?: boolean } = {},
): ParityLeg {
  const { short, ...rest } = extra
  const buys = (role === 'entry') !== (short === true)
  return {
    key,
    role,
    side: buys ? 'buy' : 'sell',
    quantity: d(quantity),
    value: d(quantity).times(d(price)),
    decidedPrice: null,
    move: ZERO,
    ...rest,
  }
}

/** Net as the ledger has it: money in minus money out, fees, funding. */
function side(legs: readonly ParityLeg[], fees = '0', funding = '0'): ParitySide {
  let net = d(funding).minus(d(fees))
  for (const each of legs) net = each.side === 'sell' ? net.plus(each.value) : net.minus(each.value)
  return { legs, netPnl: net, fees: d(fees), funding: d(funding) }
}

const shown = (live: ParitySide, sim: ParitySide): Record<string, string> => {
  const { difference, parts } = attribute(live, sim)
  return { ...Object.fromEntries(PARITY_PARTS.map(part => [part, parts[part].toString()])), difference: difference.toString() }
}

const NONE: Record<ParityPart, string> = {
  decisions: '0',
  quantity: '0',
  entryLatency: '0',
  entrySlippage: '0',
  exitLatency: '0',
  exitSlippage: '0',
  fees: '0',
  funding: '0',
  path: '0',
}

test('vector 19: fewer coins, later and worse on both legs, and cheaper for it', () => {
  const sim = side([leg('base|1', 'entry', '1', '100.05'), leg('tp|1', 'exit', '1', '105')], '0.20505')
  const live = side(
    [leg('base|1', 'entry', '0.8', '100.12', { move: d('0.04') }), leg('tp|1', 'exit', '0.8', '104.90', { move: d('-0.06') })],
    '0.164016',
  )
  assert.deepEqual(shown(live, sim), {
    ...NONE,
    quantity: '-0.99',
    entryLatency: '-0.032',
    entrySlippage: '-0.024',
    exitLatency: '-0.048',
    exitSlippage: '-0.032',
    fees: '0.041034',
    difference: '-1.084966',
  })
})

test('two equal sides differ in nothing, thirds of prices included', () => {
  const thirds = side(
    [leg('base|1', 'entry', '3', '0.333333333333333333', { value: d('1.00000000000000001') }), leg('sl|1', 'exit', '3', '0.3')],
    '0.001',
  )
  assert.deepEqual(shown(thirds, thirds), { ...NONE, difference: '0' })
})

test('a short deal is the mirror image', () => {
  const sim = side([leg('base|1', 'entry', '1', '100', { short: true }), leg('tp|1', 'exit', '1', '95', { short: true })])
  const live = side([
    leg('base|1', 'entry', '1', '99.9', { short: true, move: d('-0.06') }),
    leg('tp|1', 'exit', '1', '95.2', { short: true, move: d('0.15') }),
  ])
  assert.deepEqual(shown(live, sim), {
    ...NONE,
    entryLatency: '-0.06',
    entrySlippage: '-0.04',
    exitLatency: '-0.15',
    exitSlippage: '-0.05',
    difference: '-0.3',
  })
})

test('an averaging order that was missed costs what it would have gained', () => {
  const sim = side([leg('base|1', 'entry', '1', '100'), leg('avg|1', 'entry', '2', '90'), leg('tp|1', 'exit', '3', '98')])
  const live = side([leg('base|1', 'entry', '1', '100'), leg('tp|1', 'exit', '1', '98')])
  const { missed, extra } = attribute(live, sim)
  assert.deepEqual([missed, extra], [['avg|1'], []])
  assert.deepEqual(shown(live, sim), { ...NONE, decisions: '-16', difference: '-16' })
})

test('another exit is a missed one and an extra one: the whole of it is a decision', () => {
  const sim = side([leg('base|1', 'entry', '1', '100'), leg('tp|1', 'exit', '1', '103')])
  const live = side([leg('base|1', 'entry', '0.5', '100'), leg('sl|1', 'exit', '0.5', '95')])
  const { missed, extra } = attribute(live, sim)
  assert.deepEqual([missed, extra], [['tp|1'], ['sl|1']])
  // Half of the coins leave 8 lower; the other half were never there and miss the 3 they would have gained.
  assert.deepEqual(shown(live, sim), { ...NONE, decisions: '-4', quantity: '-1.5', difference: '-5.5' })
})

test('a deal that the simulation never had is a decision whole', () => {
  const live = side([leg('base|1', 'entry', '1', '100'), leg('sl|1', 'exit', '1', '97')], '0.2')
  assert.deepEqual(shown(live, side([])), { ...NONE, decisions: '-3', fees: '-0.2', difference: '-3.2' })
  assert.deepEqual(shown(side([]), live), { ...NONE, decisions: '3', fees: '0.2', difference: '3.2' })
})

test('an order that waited for another price followed another path', () => {
  const sim = side([leg('base|1', 'entry', '1', '100'), leg('trail|1', 'exit', '1', '104.9', { decidedPrice: d('105') })])
  const live = side([leg('base|1', 'entry', '1', '100'), leg('trail|1', 'exit', '1', '104.35', { decidedPrice: d('104.5') })])
  assert.deepEqual(shown(live, sim), { ...NONE, exitSlippage: '-0.05', path: '-0.5', difference: '-0.55' })
})

test('funding, and a rest that is booked at its cost', () => {
  const sim = side([leg('base|1', 'entry', '1', '100'), leg('tp|1', 'exit', '1', '102')], '0', '-0.3')
  const legs = [leg('base|1', 'entry', '1', '100'), leg('tp|1', 'exit', '0.99', '102')]
  // 0.01 stays with the bot at what it cost.
  const live = { ...side(legs, '0', '-0.4'), netPnl: d('0.99').times(d('2')).minus(d('0.4')) }
  assert.deepEqual(shown(live, sim), { ...NONE, quantity: '-1.02', funding: '-0.1', path: '1', difference: '-0.12' })
})

test('an order named twice on one side is refused', () => {
  const twice = side([leg('base|1', 'entry', '1', '100'), leg('base|1', 'entry', '1', '101')])
  assert.throws(() => attribute(twice, side([])), /base\|1 is named twice/)
})

const amount = fc.integer({ min: 1, max: 10_000_000 }).map(units => Decimal.ofUnits(units, 5))
const price = fc.integer({ min: 1, max: 10_000_000 }).map(units => Decimal.ofUnits(units, 3))
const small = fc.integer({ min: -5000, max: 5000 }).map(units => Decimal.ofUnits(units, 4))
const KEYS = ['base|1', 'avg|1', 'avg|2', 'tp|1', 'tp|2', 'sl|1']
const aLeg = (key: string, short: boolean): fc.Arbitrary<ParityLeg> =>
  fc.record({ quantity: amount, at: price, noise: small, decided: fc.option(price), move: small }).map(one => {
    const role = key.startsWith('base') || key.startsWith('avg') ? ('entry' as const) : ('exit' as const)
    return {
      key,
      role,
      side: (role === 'entry') !== short ? ('buy' as const) : ('sell' as const),
      quantity: one.quantity,
      value: one.quantity.times(one.at).plus(one.noise),
      decidedPrice: one.decided,
      move: one.move,
    }
  })
const aSide = (short: boolean): fc.Arbitrary<ParitySide> =>
  fc
    .record({ keys: fc.subarray(KEYS), net: small, fees: small, funding: small })
    .chain(({ keys, net, fees, funding }) =>
      fc.tuple(...keys.map(key => aLeg(key, short))).map(legs => ({ legs, netPnl: net, fees, funding })),
    )

test('whatever the two sides are, the parts add up to the difference to the last digit', () => {
  fc.assert(
    fc.property(
      fc.boolean().chain(short => fc.tuple(aSide(short), aSide(short))),
      ([live, sim]) => {
        const { difference, parts } = attribute(live, sim)
        const sum = PARITY_PARTS.reduce((total, part) => total.plus(parts[part]), ZERO)
        assert.equal(sum.toString(), difference.toString())
        assert.equal(difference.toString(), live.netPnl.minus(sim.netPnl).toString())
        const same = attribute(live, live)
        for (const part of PARITY_PARTS)
          assert.ok(part.endsWith('Latency') || part.endsWith('Slippage') || same.parts[part].isZero())
        const back = attribute(sim, live)
        assert.ok(back.difference.plus(difference).isZero())
        assert.deepEqual([back.missed, back.extra], [attribute(live, sim).extra, attribute(live, sim).missed])
      },
    ),
    { numRuns: 2000 },
  )
})

test('where both sides are flat and no digit is lost, nothing is left for the path', () => {
  const flat = fc
    .record({ base: amount, avg: amount, at: fc.tuple(price, price, price), move: small })
    .map(({ base, avg, at, move }) => {
      const legs = [
        leg('base|1', 'entry', base.toString(), at[0].toString(), { move }),
        leg('avg|1', 'entry', avg.toString(), at[1].toString()),
        leg('tp|1', 'exit', base.plus(avg).toString(), at[2].toString(), { move }),
      ]
      return side(legs, '0.3')
    })
  fc.assert(
    fc.property(flat, flat, (live, sim) => {
      const { parts } = attribute(live, sim)
      assert.equal(parts.path.toString(), '0')
      assert.equal(parts.decisions.toString(), '0')
    }),
  )
})

test('totals of a bot: deals matched, and the deviation in basis points of what entering cost', () => {
  const totals = parityTotals([
    { isMatched: true, difference: ZERO, entryValue: d('100') },
    { isMatched: true, difference: d('-0.5'), entryValue: d('200') },
    { isMatched: false, difference: d('0.7'), entryValue: d('100') },
  ])
  assert.deepEqual(JSON.parse(JSON.stringify(totals)), { matched: 2, union: 3, deviation: '1.2', deviationBps: '30' })
  assert.equal(parityTotals([]).deviationBps, null)
})
