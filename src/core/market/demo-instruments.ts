// The coins of the built-in demo market: a synthetic exchange for trying things out, without network or key. Prices, grids and turnovers
// are of a plausible size and mean nothing beyond that.

import type { InstrumentRules } from './instrument.ts'

export const DEMO_EXCHANGE = 'demo'
/** The seed of the market that everybody sees who does not ask for another. */
export const DEMO_SEED = 1

export interface DemoCoin {
  readonly base: string
  /** Price around which the market swings, in USDT. */
  readonly centre: number
  /** Decimal places of price and quantity. */
  readonly priceDecimals: number
  readonly quantityDecimals: number
  /** Standard deviation of a day's return in a calm market. */
  readonly dayVolatility: number
  /** Correlation with the whole market, around which it drifts. */
  readonly marketShare: number
  /** Mean turnover of a day in millions of USDT. */
  readonly turnoverMillions: number
}

export const DEMO_COINS: readonly DemoCoin[] = [
  coin('BTC', 60_000, 2, 5, 0.022, 0.86, 1500),
  coin('ETH', 3_000, 2, 4, 0.028, 0.84, 900),
  coin('SOL', 140, 2, 3, 0.038, 0.75, 500),
  coin('BNB', 550, 2, 3, 0.025, 0.73, 300),
  coin('XRP', 0.6, 4, 1, 0.034, 0.68, 350),
  coin('ADA', 0.45, 4, 1, 0.036, 0.74, 200),
  coin('DOGE', 0.15, 5, 0, 0.045, 0.66, 300),
  coin('AVAX', 32, 3, 2, 0.041, 0.76, 180),
  coin('LINK', 15, 3, 2, 0.038, 0.72, 180),
  coin('DOT', 7, 3, 2, 0.036, 0.76, 140),
  coin('LTC', 85, 2, 3, 0.03, 0.71, 160),
  coin('ATOM', 9, 3, 2, 0.037, 0.7, 120),
]

function coin(
  base: string,
  centre: number,
  priceDecimals: number,
  quantityDecimals: number,
  dayVolatility: number,
  marketShare: number,
  turnoverMillions: number,
): DemoCoin {
  return { base, centre, priceDecimals, quantityDecimals, dayVolatility, marketShare, turnoverMillions }
}

export const DEMO_INSTRUMENTS: readonly InstrumentRules[] = DEMO_COINS.map(one => {
  const step = gridText(one.quantityDecimals)
  return {
    exchange: DEMO_EXCHANGE,
    symbol: `${one.base}/USDT`,
    base: one.base,
    quote: 'USDT',
    kind: 'spot',
    tick: gridText(one.priceDecimals),
    step,
    minQty: step,
    minNotional: '5',
    makerBps: '10',
    takerBps: '10',
    feeAsset: 'USDT',
  }
})

function gridText(decimals: number): string {
  return decimals === 0 ? '1' : `0.${'0'.repeat(decimals - 1)}1`
}
