// Prices and fees of simulated executions (execution.md 5). Slippage and rounding always act against the order.

import type { Instrument } from '../../core/market/instrument.ts'
import { Decimal, HUNDRED, ONE, ZERO } from '../../core/money/decimal.ts'
import type { Side } from '../../core/orders/order.ts'
import type { Latency } from './odds.ts'

export interface VenueParameters {
  readonly fillPath: 'pessimistic' | 'optimistic' | 'ohlc'
  readonly slippageBps: Decimal
  /** Added per percent of the candle's volume that an order takes. */
  readonly impactBpsPerPctVolume: Decimal
  /** Largest share of a candle's volume that may fill, percent; 0 = no cap. */
  readonly volumeCapPct: Decimal
  /** How long orders travel. Absent: not at all through candles, TICK_LATENCY where trades drive the run. */
  readonly latency?: Latency
  readonly cancelLatency?: Latency
  /** Share of orders that the venue refuses, 0 to 1. */
  readonly rejectProb?: number
  /** Share of orders whose first execution is cut in two, 0 to 1: the rest follows at the next opportunity. */
  readonly partialProb?: number
  /** Of chance; default 0. */
  readonly seed?: number
  /** Trades only: a limit also fills at its very price once so much has traded there before it. Absent: only through its price. */
  readonly queueAhead?: Decimal
}

const IMPACT_PLACES = 9

/** What a taker pays: the price moved by slippage, rounded to the tick against him. */
export function takerPrice(side: Side, price: Decimal, slippageBps: Decimal, tick: Decimal): Decimal {
  const factor = slippageBps.shifted(-4)
  return side === 'buy'
    ? price.times(ONE.plus(factor)).toGrid(tick, 'ceil')
    : price.times(ONE.minus(factor)).toGrid(tick, 'floor')
}

/** Basis points that a quantity moves the price by: so many for each percent of the candle's volume it takes. */
export function marketImpactBps(quantity: Decimal, volume: number, bpsPerPct: Decimal): Decimal {
  if (bpsPerPct.isZero() || !(volume > 0)) return ZERO
  const sharePct = quantity.times(HUNDRED).dividedBy(Decimal.from(volume), IMPACT_PLACES, 'up')
  return bpsPerPct.times(sharePct)
}

/**
 * Price x quantity x bps / 10^4, not rounded. A venue that takes its fee from what is received takes it in base from a buy, as that
 * share of the quantity; a sale receives quote and pays in quote, else nobody could sell all that he holds.
 */
export function simulatedFee(
  instrument: Instrument,
  side: Side,
  price: Decimal,
  quantity: Decimal,
  liquidity: 'maker' | 'taker',
): { fee: Decimal; feeAsset: string; feeValueQuote: Decimal } {
  const rate = (liquidity === 'maker' ? instrument.makerBps : instrument.takerBps).shifted(-4)
  const feeValueQuote = price.times(quantity).times(rate)
  if (side === 'buy' && instrument.feeAsset === instrument.base)
    return { fee: quantity.times(rate), feeAsset: instrument.base, feeValueQuote }
  return { fee: feeValueQuote, feeAsset: instrument.quote, feeValueQuote }
}

/** What a cap leaves for this candle, on the step; null without a cap. A source without volume has none. */
export function volumeCap(instrument: Instrument, volume: number, capPct: Decimal): Decimal | null {
  if (capPct.isZero() || Number.isNaN(volume)) return null
  return Decimal.from(volume).times(capPct).percent().toGrid(instrument.step, 'floor')
}
