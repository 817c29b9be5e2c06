// Random bots over random candles, each from one number: every rule, exit, placement and limit a configuration can have, on markets
// with gaps, jumps, thin volume and prices that stand still. Figures are chosen so that orders fill often and limits bite.

import { parseDcaConfig } from '../../src/contract/dca-config.ts'
import type { DcaConfig } from '../../src/core/dca/config.ts'
import { type Candle, type CandleColumns, columnsFrom } from '../../src/core/market/candles.ts'
import { defaultRules, type Instrument, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { type Timeframe, timeframeMs } from '../../src/core/market/timeframe.ts'
import type { VenueParameters } from '../../src/engine/simulated-venue/fill-price.ts'
import type { Latency } from '../../src/engine/simulated-venue/odds.ts'

/** mulberry32: a stream of numbers from 0 up to 1 that is the same everywhere. */
export function randomStream(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export class Dice {
  readonly #next: () => number
  constructor(seed: number) {
    this.#next = randomStream(seed)
  }
  chance(share: number): boolean {
    return this.#next() < share
  }
  between(low: number, high: number): number {
    return low + this.#next() * (high - low)
  }
  whole(low: number, high: number): number {
    return low + Math.floor(this.#next() * (high - low + 1))
  }
  decimal(low: number, high: number, places: number): string {
    return this.between(low, high).toFixed(places)
  }
  of<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#next() * choices.length)]!
  }
}

export interface Case {
  readonly seed: number
  readonly input: Record<string, unknown>
  readonly config: DcaConfig
  readonly instruments: ReadonlyMap<string, Instrument>
  readonly candles: ReadonlyMap<string, CandleColumns>
  readonly timeframe: Timeframe
  readonly capital: string
  readonly volumeCapPct: string
  readonly slippageBps: string
  readonly fromBar: number
  /** What a part of the seeds has: a venue that is slow, refuses, and fills in parts. */
  readonly trouble: Trouble
}

export type Trouble = Pick<VenueParameters, 'latency' | 'cancelLatency' | 'rejectProb' | 'partialProb' | 'seed'>

const SYMBOLS = ['AAA/USDT', 'BBB/USDT'] as const
const START_MS = Date.UTC(2024, 0, 1)

export function randomCase(seed: number): Case {
  for (let attempt = 0; ; attempt += 1) {
    const dice = new Dice(seed * 1000 + attempt)
    const timeframe = dice.of<Timeframe>(['5m', '15m', '15m', '1h'])
    const symbols = dice.chance(0.3) ? SYMBOLS : SYMBOLS.slice(0, 1)
    const instruments = new Map(symbols.map(symbol => [symbol, randomInstrument(dice, symbol)]))
    const input = randomConfig(dice, symbols, timeframe)
    const parsed = parseDcaConfig(input, { instrument: symbol => instruments.get(symbol as (typeof SYMBOLS)[number]) })
    if (!parsed.ok) {
      if (attempt > 200) throw new Error(`seed ${seed} gives no valid config: ${JSON.stringify(parsed.findings)}`)
      continue
    }
    const bars = dice.whole(120, 700)
    return {
      seed,
      input,
      config: parsed.config,
      instruments,
      candles: new Map(symbols.map(symbol => [symbol, randomCandles(dice, timeframe, bars)])),
      timeframe,
      capital: dice.of(['10000', '2500', '800.55']),
      volumeCapPct: dice.of(['0', '10', '10', '3', '0.5', '0.05']),
      slippageBps: dice.of(['0', '5', '25']),
      fromBar: dice.chance(0.2) ? dice.whole(1, 60) : 0,
      trouble: randomTrouble(new Dice(seed * 7919 + 5)),
    }
  }
}

/** Times below and above those of candles. */
const LATENCIES: readonly Latency[] = [
  { minMs: 0, maxMs: 0 },
  { minMs: 50, maxMs: 200 },
  { minMs: 1000, maxMs: 1_000_000 },
  { minMs: 0, maxMs: 9_000_000 },
]

function randomTrouble(dice: Dice): Trouble {
  if (dice.chance(0.6)) return {}
  return {
    latency: dice.of(LATENCIES),
    cancelLatency: dice.of(LATENCIES),
    rejectProb: dice.of([0, 0, 0.05, 0.4]),
    partialProb: dice.of([0, 0.3, 1]),
    seed: dice.whole(0, 1000),
  }
}

function randomInstrument(dice: Dice, symbol: string): Instrument {
  const rules = defaultRules('test', symbol)
  return instrumentFromRules({
    ...rules,
    tick: dice.of(['0.01', '0.01', '0.05', '0.5']),
    step: dice.of(['0.00001', '0.001', '0.01', '0.1']),
    minQty: dice.of(['0', '0.01']),
    minNotional: dice.of(['5', '0', '10']),
    makerBps: dice.of(['10', '0', '2']),
    takerBps: dice.of(['10', '0', '7.5']),
    feeAsset: dice.of([rules.quote, rules.quote, rules.base]),
  })
}

/** A walk on a grid of 0.01 around 100 with jumps, trends, standstills, holes and thin volume. */
function randomCandles(dice: Dice, timeframe: Timeframe, bars: number): CandleColumns {
  const candles: Candle[] = []
  const stepMs = timeframeMs(timeframe)
  const grid = (value: number): number => Math.max(1, Math.round(value * 100) / 100)
  let openTimeMs = START_MS + dice.whole(0, 3) * stepMs
  let price = dice.between(60, 140)
  let drift = 0
  const wild = dice.of([0.003, 0.01, 0.02])
  const volumes = dice.of(['none', 'thin', 'thick', 'thick'])
  for (let i = 0; i < bars; i += 1) {
    if (dice.chance(0.03)) drift = dice.between(-0.004, 0.004)
    if (dice.chance(0.01)) openTimeMs += stepMs * dice.whole(1, 9)
    const open = grid(dice.chance(0.05) ? price * (1 + dice.between(-0.04, 0.04)) : price)
    const close = dice.chance(0.05) ? open : grid(open * (1 + drift + dice.between(-wild, wild)))
    const high = grid(Math.max(open, close) * (1 + (dice.chance(0.3) ? 0 : dice.between(0, wild))))
    const low = grid(Math.min(open, close) * (1 - (dice.chance(0.3) ? 0 : dice.between(0, wild))))
    const volume =
      volumes === 'none'
        ? Number.NaN
        : dice.chance(0.05)
          ? 0
          : Math.round(dice.between(0, volumes === 'thin' ? 40 : 5000) * 1000) / 1000
    candles.push({ openTimeMs, open, high: Math.max(high, open, close), low: Math.min(low, open, close), close, volume })
    price = close
    if (price < 20 || price > 500) price = 100
    openTimeMs += stepMs
  }
  return columnsFrom(candles)
}

function randomConfig(dice: Dice, symbols: readonly string[], venue: Timeframe): Record<string, unknown> {
  const timeframe = venue === '5m' ? dice.of(['5m', '15m']) : venue === '15m' ? dice.of(['15m', '1h']) : '1h'
  const slower = dice.of(venue === '1h' ? ['1h', '4h'] : ['15m', '1h'])
  const entryMode = dice.of(['immediate', 'immediate', 'conditional', 'conditional'])
  const limit = dice.chance(0.35)
  return {
    schemaVersion: 1,
    type: 'dca',
    name: 'random',
    exchange: 'test',
    pairs: symbols,
    timeframe,
    maxActiveDeals: dice.whole(1, 3),
    maxDealsPerPair: dice.whole(1, 2),
    ...(dice.chance(0.1) ? { stopAfterDeals: dice.whole(1, 6) } : {}),
    profitCurrency: dice.chance(0.12) ? 'base' : 'quote',
    reserve: dice.of(['full_ladder', 'full_ladder', 'next_order']),
    reserveBufferPct: dice.of(['0.3', '0', '3']),
    risk: {
      ...(dice.chance(0.1) ? { maxPositionQuote: dice.decimal(100, 600, 2) } : {}),
      ...(dice.chance(0.1) ? { maxDailyLossPct: dice.decimal(0.2, 3, 1) } : {}),
    },
    ...(dice.chance(0.3) ? { sizing: { reinvestPct: dice.whole(0, 100), riskReductionPct: dice.whole(0, 100) } } : {}),
    dealStart: {
      // Slots that pairs take from each other while one of them waits out its delay.
      delaySec: dice.chance(symbols.length > 1 ? 0.4 : 0.15) ? dice.whole(60, 8000) : 0,
      cooldownSec: dice.chance(0.3) ? dice.whole(60, 20000) : 0,
      ...(dice.chance(0.1)
        ? { priceBand: { [symbols[0]!]: { min: dice.decimal(50, 90, 0), max: dice.decimal(95, 150, 0) } } }
        : {}),
    },
    baseOrder: {
      ...dice.of([
        { size: dice.decimal(20, 200, 2) },
        { size: dice.decimal(20, 200, 2) },
        { size: dice.decimal(0.3, 2, 2), sizeType: 'base' },
        { size: dice.decimal(1, 9, 1), sizeType: 'balance_pct' },
      ]),
      ...(limit
        ? {
            orderType: 'limit',
            limit: dice.chance(0.7)
              ? { mode: 'offset', offsetPct: dice.of(['-0.5', '0', '0.3', '-1.5']) }
              : { mode: 'per_pair', prices: Object.fromEntries(symbols.map(symbol => [symbol, dice.decimal(80, 120, 2)])) },
            timeoutSec: dice.whole(60, 20000),
            onTimeout: dice.of(['cancel', 'market']),
          }
        : {}),
    },
    entry:
      entryMode === 'immediate'
        ? { mode: 'immediate' }
        : { mode: 'conditional', playbook: randomPlaybook(dice, timeframe, slower) },
    ...(dice.chance(0.85) ? { averaging: randomAveraging(dice, timeframe, slower) } : {}),
    exits: randomExits(dice, symbols, timeframe, slower),
    ...(dice.chance(0.15)
      ? {
          regime: {
            timeframe: slower,
            maPeriod: dice.whole(3, 12),
            rsiBelow: dice.chance(0.5) ? null : dice.whole(30, 60),
            rsiPeriod: dice.whole(3, 8),
            consecutiveBars: dice.whole(1, 4),
            volumeDecreasePct: dice.whole(0, 10),
            consolidationBars: dice.whole(1, 4),
            priceRangePct: dice.whole(3, 20),
            allowEntryOverride: dice.chance(0.3),
          },
        }
      : {}),
    ...(dice.chance(0.25)
      ? {
          emergencyBrake: {
            circuitBreaker: { dropPct: dice.whole(1, 4), windowMin: dice.whole(15, 600) },
            action: dice.of(['pause', 'pause_and_close']),
            recovery: { timeframe: venue, stabilizationBars: dice.whole(2, 8), maxRangePct: dice.whole(2, 9) },
          },
        }
      : {}),
  }
}

function randomAveraging(dice: Dice, timeframe: string, slower: string): Record<string, unknown> {
  const type = dice.of([
    'ladder',
    'ladder',
    'levels',
    'down_from_last',
    'down_from_average',
    'loss_pct',
    'loss_amount',
    'condition',
  ])
  const drops = [0.7, 1.6, 2.2, 3.9].slice(0, dice.whole(1, 4))
  const rule =
    type === 'ladder'
      ? { type, stepPct: dice.decimal(0.3, 2, 2), stepScale: dice.of(['1', '1.3', '0.9']) }
      : type === 'levels'
        ? {
            type,
            levels: drops.map((dropPct, i) => ({
              id: `l${i}`,
              dropPct: String(dropPct),
              amount: dice.decimal(20, 120, 2),
              enabled: i === 0 || dice.chance(0.8),
            })),
          }
        : type === 'condition'
          ? { type, playbook: randomPlaybook(dice, timeframe, slower) }
          : { type, value: type === 'loss_amount' ? dice.decimal(1, 8, 2) : dice.decimal(0.4, 3, 2) }
  return {
    rule,
    ...(dice.chance(0.2) ? { requirePlaybook: randomPlaybook(dice, timeframe, slower) } : {}),
    amount: dice.of([
      { type: 'fixed', value: dice.decimal(20, 150, 2) },
      { type: 'base_pct', value: dice.decimal(50, 200, 0) },
      { type: 'balance_pct', value: dice.decimal(1, 6, 1) },
    ]),
    volumeScale: type === 'levels' ? '1' : dice.of(['1', '1.4', '0.8']),
    ...(type === 'levels' ? {} : { maxOrders: dice.whole(1, 5) }),
    maxOrdersAllDeals: dice.chance(0.2) ? dice.whole(1, 4) : 20,
    ...(dice.chance(0.2) ? { maxInvestmentPerDeal: dice.decimal(150, 500, 2) } : {}),
    placement: dice.of(['resting', 'virtual']),
    orderType: dice.of(['limit', 'limit', 'market']),
    activeOrdersCount: dice.whole(1, 2),
    ...(dice.chance(0.25) ? { cooldown: { n: dice.whole(1, 5), unit: dice.of(['minutes', 'bars']) } } : {}),
    waitForPrevious: dice.chance(0.2),
    ...(dice.chance(0.15)
      ? {
          stopOnLoss: dice.of([
            { type: 'pct', value: dice.decimal(1, 6, 1) },
            { type: 'amount', value: dice.decimal(3, 20, 1) },
          ]),
        }
      : {}),
  }
}

function randomExits(dice: Dice, symbols: readonly string[], timeframe: string, slower: string): Record<string, unknown> {
  const shares = dice.of([['100'], ['100'], ['50', '50'], ['40', '30', '30'], ['33.3', '33.3', '33.4'], ['20', '30']])
  let profit = 0
  const targets = shares.map(sellPct => {
    profit += dice.between(0.3, 1.5)
    return { profitPct: profit.toFixed(2), sellPct }
  })
  const takesProfit = dice.chance(0.75)
  const partial = takesProfit && shares.length === 2 && shares[0] === '20'
  return {
    profitBasis: dice.of(['gross', 'net']),
    ...(takesProfit
      ? { takeProfit: { from: dice.of(['average', 'base_order']), targets, placement: dice.of(['resting', 'virtual']) } }
      : {}),
    ...(dice.chance(takesProfit && !partial ? 0.25 : 0.8)
      ? { trailing: { activationPct: dice.decimal(0.5, 3, 2), distancePct: dice.decimal(0.2, 2, 2) } }
      : {}),
    ...(dice.chance(0.2)
      ? {
          takeProfitAndRestart: {
            targetPct: dice.decimal(1, 5, 1),
            capital: dice.of(['original', 'compounded']),
            waitForSignal: dice.chance(0.4),
          },
        }
      : {}),
    ...(dice.chance(0.6)
      ? {
          stopLoss: {
            ...dice.of([
              { type: 'pct', value: dice.decimal(1, 8, 1) },
              { type: 'pct', value: dice.decimal(1, 8, 1) },
              { type: 'amount', value: dice.decimal(3, 30, 1) },
              { type: 'price', prices: Object.fromEntries(symbols.map(symbol => [symbol, dice.decimal(60, 100, 1)])) },
            ]),
            basis: dice.of(['average', 'base_order', 'last_entry']),
            trailing: dice.chance(0.4),
            timeoutSec: dice.chance(0.25) ? dice.whole(60, 9000) : 0,
            ...(takesProfit && dice.chance(0.4) ? { breakEvenAfterTarget: dice.whole(1, shares.length) } : {}),
            action: dice.of(['close', 'close', 'close', 'close_and_pause', 'close_and_stop']),
            ...(dice.chance(0.7) ? { placement: dice.of(['resting', 'resting', 'virtual']) } : {}),
          },
        }
      : {}),
    ...(dice.chance(0.3)
      ? { timeExit: { maxHoldSec: dice.whole(600, 200000), minProfitPct: dice.of([null, '0', '0.5', '-1']) } }
      : {}),
    ...(dice.chance(0.3)
      ? { closeBy: { playbook: randomPlaybook(dice, timeframe, slower), minProfitPct: dice.of([null, '0.2', '1']) } }
      : {}),
  }
}

function randomPlaybook(dice: Dice, timeframe: string, slower: string): Record<string, unknown> {
  const items = Array.from({ length: dice.whole(1, 3) }, (_, i) => ({
    id: `i${i}`,
    priority: dice.whole(1, 4),
    connector: dice.of(['and', 'or']),
    ...(dice.chance(0.15) ? { holdBars: dice.whole(2, 3) } : {}),
    ...(dice.chance(0.15)
      ? {
          validFor: dice.of([
            { n: dice.whole(1, 5), unit: 'bars' },
            { n: dice.whole(10, 200), unit: 'minutes' },
          ]),
        }
      : {}),
    condition: randomCondition(dice, dice.chance(0.3) ? slower : timeframe),
  }))
  const gate = dice.of(['all', 'any', 'chain', 'atLeast'])
  return {
    gate,
    ...(gate === 'atLeast' ? { n: dice.whole(1, items.length) } : {}),
    order: dice.of(['priority', 'listed']),
    fireMode: dice.of(['per_signal', 'per_signal', 'per_bar']),
    ...(items.length > 1 && dice.chance(0.15) ? { sequence: { windowBars: dice.whole(2, 12) } } : {}),
    items,
  }
}

function randomCondition(dice: Dice, timeframe: string): Record<string, unknown> {
  return dice.of<Record<string, unknown>>([
    {
      timeframe,
      lhs: { kind: 'indicator', name: 'rsi', params: { period: dice.whole(2, 9) } },
      op: dice.of(['lt', 'gt', 'crosses_below', 'crosses_above']),
      rhs: { kind: 'const', value: String(dice.whole(25, 75)) },
    },
    {
      timeframe,
      lhs: { kind: 'price', field: 'close' },
      op: dice.of(['gt', 'lt', 'crosses_above', 'crosses_below']),
      rhs: { kind: 'indicator', name: dice.of(['sma', 'ema']), params: { period: dice.whole(3, 12) } },
    },
    { timeframe, lhs: { kind: 'price', field: 'close' }, op: dice.of(['rising', 'falling']) },
    {
      timeframe,
      lhs: { kind: 'indicator', name: 'bollinger', component: 'percentB', params: { period: 8 } },
      op: dice.of(['lt', 'gt']),
      rhs: { kind: 'const', value: dice.of(['0.1', '0.5', '0.9']) },
    },
  ])
}
