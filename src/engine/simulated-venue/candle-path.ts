// The way a price is assumed to take inside a candle (decisions 10): a named policy, because nobody knows. Pessimistic goes first to
// where the open position is hurt.

import type { Candle } from '../../core/market/candles.ts'

export const FILL_PATHS = ['pessimistic', 'optimistic', 'ohlc'] as const
export type FillPath = (typeof FILL_PATHS)[number]

/** Corner prices after the open, in their order. */
export function candlePath(candle: Candle, policy: FillPath, direction: 'long' | 'short'): readonly [number, number, number] {
  const { high, low, close } = candle
  const lowFirst =
    policy === 'ohlc' ? close >= candle.open : policy === 'pessimistic' ? direction === 'long' : direction === 'short'
  return lowFirst ? [low, high, close] : [high, low, close]
}
