// The market of a story: a path of trades from one seed, calm, stormy, crashing or swinging through a ladder, and the candles it makes.
// Before the story lies a quiet history, so that indicators have what they read.

import type { Candle } from '../core/market/candles.ts'
import { type Timeframe, timeframeMs } from '../core/market/timeframe.ts'
import type { Dice } from './dice.ts'

export const MARKET_KINDS = ['calm', 'storm', 'flash_crash', 'swing'] as const
export type MarketKind = (typeof MARKET_KINDS)[number]

export interface LabPrint {
  readonly atMs: number
  readonly price: number
  readonly quantity: number
}

export interface MarketPlan {
  readonly kind: MarketKind
  readonly startMs: number
  /** From here on the market is calm. */
  readonly calmFromMs: number
  /** The price stands still from here on. */
  readonly stillFromMs: number
  readonly endMs: number
  readonly startPrice: number
  /** Decimals of a price. */
  readonly places: number
}

/** Largest move between two trades, as a share of the price. */
const WILDNESS: Readonly<Record<MarketKind, number>> = { calm: 0.0006, storm: 0.004, flash_crash: 0.001, swing: 0.001 }
const SWING_SHARE = 0.03
/** Trades may be small enough to fill an order only in part. */
const SMALL = 0.25

export function marketPath(plan: MarketPlan, dice: Dice): LabPrint[] {
  const prints: LabPrint[] = []
  const { kind, startMs, calmFromMs, stillFromMs, startPrice } = plan
  const crashAtMs = startMs + dice.between(0.25, 0.6) * (calmFromMs - startMs)
  const crashDepth = dice.between(0.04, 0.15)
  const recovery = dice.between(0.3, 1)
  const swingMs = dice.between(60_000, 240_000)
  let walk = startPrice
  for (let atMs = startMs; atMs < stillFromMs; ) {
    const isCalm = atMs >= calmFromMs
    const wild = isCalm ? WILDNESS.calm : WILDNESS[kind]
    walk *= 1 + dice.between(-wild, wild) + (startPrice / walk - 1) * 0.004
    let price = walk
    if (kind === 'flash_crash') price *= crashFactor(atMs - crashAtMs, crashDepth, recovery)
    else if (kind === 'swing' && !isCalm) price *= 1 + SWING_SHARE * Math.sin(((atMs - startMs) / swingMs) * 2 * Math.PI)
    const quantity = dice.chance(SMALL) ? dice.between(0.02, 0.6) : dice.between(1, 40)
    prints.push({
      atMs: Math.round(atMs),
      price: Number(price.toFixed(plan.places)),
      quantity: Math.round(quantity * 1000) / 1000,
    })
    atMs += isCalm ? dice.between(3_000, 8_000) : dice.between(800, 3_500)
  }
  return prints
}

/** Down within 8 s, up again within two minutes as far as it recovers. */
function crashFactor(sinceMs: number, depth: number, recovery: number): number {
  if (sinceMs < 0) return 1
  if (sinceMs < 8_000) return 1 - (depth * sinceMs) / 8_000
  const back = Math.min(1, (sinceMs - 8_000) / 120_000)
  return 1 - depth * (1 - recovery * back)
}

/** Builds the candles of a feed from trades; a minute without a trade repeats the last price, without volume. */
export class CandleMaker {
  readonly #stepMs: number
  readonly #closed: Candle[] = []
  #open: Candle | null = null
  #last: number

  constructor(timeframe: Timeframe, startPrice: number) {
    this.#stepMs = timeframeMs(timeframe)
    this.#last = startPrice
  }

  trade({ atMs, price, quantity }: LabPrint): void {
    const openTimeMs = Math.floor(atMs / this.#stepMs) * this.#stepMs
    const open = this.#open
    if (open?.openTimeMs === openTimeMs) {
      this.#open = {
        ...open,
        high: Math.max(open.high, price),
        low: Math.min(open.low, price),
        close: price,
        volume: open.volume + quantity,
      }
    } else {
      this.#open = { openTimeMs, open: price, high: price, low: price, close: price, volume: quantity }
    }
    this.#last = price
  }

  /** The candle that closes at `atMs`. */
  close(atMs: number): Candle {
    const openTimeMs = atMs - this.#stepMs
    const open = this.#open
    const last = this.#last
    const candle =
      open?.openTimeMs === openTimeMs ? open : { openTimeMs, open: last, high: last, low: last, close: last, volume: 0 }
    if (candle === open) this.#open = null
    this.#closed.push(candle)
    return candle
  }

  closed(): readonly Candle[] {
    return this.#closed
  }
}

/** A quiet past that ends at the story's first price. */
export function marketPast(
  timeframe: Timeframe,
  bars: number,
  endMs: number,
  price: number,
  places: number,
  dice: Dice,
): Candle[] {
  const stepMs = timeframeMs(timeframe)
  const candles: Candle[] = []
  const round = (value: number): number => Number(value.toFixed(places))
  let close = price
  for (let i = 1; i <= bars; i += 1) {
    const open = round(close * (1 + dice.between(-0.004, 0.004)))
    const high = round(Math.max(open, close) * (1 + dice.between(0, 0.002)))
    const low = round(Math.min(open, close) * (1 - dice.between(0, 0.002)))
    candles.push({ openTimeMs: endMs - i * stepMs, open, high, low, close, volume: dice.whole(10, 500) })
    close = open
  }
  return candles.reverse()
}
