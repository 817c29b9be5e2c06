/**
 * What a fill costs in exact money, by the way numbers are kept. Two works: an order's (is its price reached, price x quantity, its fee,
 * sums, a quantity on the step), where numbers are short; and a deal's (the average price to 18 decimals, a target from it on the tick),
 * where they are long. Prints nanoseconds a fill and the ratio to ours, all in one run.
 *
 *   node scripts/bench/money.ts [folder of an installed decimal.js]
 *
 * decimal.js is no dependency of ours: install it somewhere else and name its folder to have it compared.
 */

import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Decimal, ONE, ZERO } from '../../src/core/money/decimal.ts'

const FILLS = 100_000
const FILLS_A_DEAL = 8
const ROUNDS = 7

interface Inputs {
  readonly prices: readonly string[]
  readonly quantities: readonly string[]
}

/** Prices around 60,000 on ticks of 0.01, quantities on steps of 0.00001: what a simulated deal sees. */
function inputs(): Inputs {
  let seed = 42
  const next = (n: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed % n
  }
  const text = (units: number, places: number): string => (units / 10 ** places).toFixed(places)
  return {
    prices: Array.from({ length: FILLS }, () => text(5_500_000 + next(1_000_000), 2)),
    quantities: Array.from({ length: FILLS }, () => text(30 + next(2000), 5)),
  }
}

/** Each runs over all fills and returns what it came to, which must be the same number everywhere. */
interface Works {
  readonly order: () => string
  readonly deal: () => string
}

function ours({ prices, quantities }: Inputs): Works {
  const p = prices.map(each => Decimal.from(each))
  const q = quantities.map(each => Decimal.from(each))
  const [fee, tick, step, limit] = [Decimal.from('0.001'), Decimal.from('0.01'), Decimal.from('0.00001'), Decimal.from('60000')]
  return {
    order() {
      let cost = ZERO
      let kept = ZERO
      for (let i = 0; i < FILLS; i += 1) {
        if (i % FILLS_A_DEAL === 0) cost = ZERO
        const value = p[i]!.times(q[i]!)
        cost = cost.plus(value).plus(value.times(fee))
        if (p[i]!.lt(limit)) kept = kept.plus(q[i]!.times(fee).toGrid(step, 'floor'))
      }
      return `${cost} ${kept}`
    },
    deal() {
      let sum = ZERO
      for (let i = 1; i < FILLS; i += 1) {
        const held = q[i]!.plus(q[i - 1]!)
        const cost = p[i]!.times(q[i]!).plus(p[i - 1]!.times(q[i - 1]!))
        const average = cost.dividedBy(held, 18, 'half_even')
        sum = sum.plus(average.times(ONE.plus(fee)).toGrid(tick, 'ceil'))
      }
      return `${sum}`
    },
  }
}

/** The other plain way: one BigInt at 18 decimals for everything. Products are cut off there, so it is exact for these inputs only. */
function bigInts({ prices, quantities }: Inputs): Works {
  const PLACES = 18
  const UNIT = 10n ** BigInt(PLACES)
  const parse = (text: string): bigint => {
    const [whole, part = ''] = text.split('.') as [string, string?]
    return BigInt(whole + part.padEnd(PLACES, '0'))
  }
  const write = (value: bigint): string =>
    `${value / UNIT}.${(value % UNIT).toString().padStart(PLACES, '0')}`.replace(/\.?0+$/, '')
  const halfEven = (a: bigint, b: bigint): bigint => {
    const quotient = a / b
    const twice = (a % b) * 2n
    return twice > b || (twice === b && (quotient & 1n) === 1n) ? quotient + 1n : quotient
  }
  const p = prices.map(parse)
  const q = quantities.map(parse)
  const [fee, tick, step, limit] = [parse('0.001'), parse('0.01'), parse('0.00001'), parse('60000')]
  return {
    order() {
      let cost = 0n
      let kept = 0n
      for (let i = 0; i < FILLS; i += 1) {
        if (i % FILLS_A_DEAL === 0) cost = 0n
        const value = (p[i]! * q[i]!) / UNIT
        cost += value + (value * fee) / UNIT
        if (p[i]! < limit) kept += ((q[i]! * fee) / UNIT / step) * step
      }
      return `${write(cost)} ${write(kept)}`
    },
    deal() {
      let sum = 0n
      for (let i = 1; i < FILLS; i += 1) {
        const held = q[i]! + q[i - 1]!
        const average = halfEven(p[i]! * q[i]! + p[i - 1]! * q[i - 1]!, held)
        const raised = average * (UNIT + fee)
        sum += ((raised + tick * UNIT - 1n) / (tick * UNIT)) * tick
      }
      return write(sum)
    },
  }
}

interface DecimalJs {
  plus(other: DecimalJs): DecimalJs
  times(other: DecimalJs): DecimalJs
  div(other: DecimalJs): DecimalJs
  lt(other: DecimalJs): boolean
  toDecimalPlaces(places: number, rounding: number): DecimalJs
  toNearest(grid: DecimalJs, rounding: number): DecimalJs
  toFixed(): string
}

interface DecimalJsClass {
  new (value: string): DecimalJs
  set(options: { precision: number }): void
  readonly ROUND_CEIL: number
  readonly ROUND_FLOOR: number
  readonly ROUND_HALF_EVEN: number
}

function decimalJs(Js: DecimalJsClass, { prices, quantities }: Inputs): Works {
  Js.set({ precision: 50 })
  const p = prices.map(each => new Js(each))
  const q = quantities.map(each => new Js(each))
  const [one, fee, tick, step, limit] = [new Js('1'), new Js('0.001'), new Js('0.01'), new Js('0.00001'), new Js('60000')]
  return {
    order() {
      let cost = new Js('0')
      let kept = new Js('0')
      for (let i = 0; i < FILLS; i += 1) {
        if (i % FILLS_A_DEAL === 0) cost = new Js('0')
        const value = p[i]!.times(q[i]!)
        cost = cost.plus(value).plus(value.times(fee))
        if (p[i]!.lt(limit)) kept = kept.plus(q[i]!.times(fee).toNearest(step, Js.ROUND_FLOOR))
      }
      return `${cost.toFixed()} ${kept.toFixed()}`
    },
    deal() {
      let sum = new Js('0')
      for (let i = 1; i < FILLS; i += 1) {
        const held = q[i]!.plus(q[i - 1]!)
        const cost = p[i]!.times(q[i]!).plus(p[i - 1]!.times(q[i - 1]!))
        const average = cost.div(held).toDecimalPlaces(18, Js.ROUND_HALF_EVEN)
        sum = sum.plus(average.times(one.plus(fee)).toNearest(tick, Js.ROUND_CEIL))
      }
      return sum.toFixed()
    },
  }
}

/** The best of some rounds, the ways taking turns: a busy machine disturbs all of them alike. */
function measure(ways: ReadonlyMap<string, Works>, what: keyof Works): void {
  const best = new Map<string, number>()
  let expected: string | null = null
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, works] of ways) {
      const startNs = process.hrtime.bigint()
      const result = works[what]()
      const ns = Number(process.hrtime.bigint() - startNs) / FILLS
      expected ??= result
      if (result !== expected) throw new Error(`${name} came to ${result}, ours to ${expected}`)
      best.set(name, Math.min(ns, best.get(name) ?? Number.POSITIVE_INFINITY))
    }
  }
  const [reference] = best.values()
  for (const [name, ns] of best) {
    console.log(`${what.padEnd(6)} ${name.padEnd(28)} ${ns.toFixed(0).padStart(6)} ns a fill   x ${(ns / reference!).toFixed(2)}`)
  }
}

const given = inputs()
const ways = new Map<string, Works>([
  ['Decimal (ours)', ours(given)],
  ['one BigInt at 18 decimals', bigInts(given)],
])
const folder = process.argv[2]
if (folder) {
  const loaded = (await import(pathToFileURL(resolve(folder, 'decimal.mjs')).href)) as { default: DecimalJsClass }
  ways.set('decimal.js', decimalJs(loaded.default, given))
}
measure(ways, 'order')
measure(ways, 'deal')
