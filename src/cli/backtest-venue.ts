// What a backtest assumes of its venue, as options.

import { Decimal } from '../core/money/decimal.ts'
import { FILL_PATHS } from '../engine/simulated-venue/candle-path.ts'
import type { VenueParameters } from '../engine/simulated-venue/fill-price.ts'
import type { Latency } from '../engine/simulated-venue/odds.ts'
import { decimalOption } from './bot-file.ts'
import { choiceOption, integerOption, numberOption, textOption, UsageError, type Verb, type VerbContext } from './verb.ts'

/** Longer than any venue takes. */
const LONGEST_MS = 3_600_000

export const VENUE_OPTIONS: Verb['options'] = {
  'slippage-bps': { type: 'string', value: 'BPS', help: 'against every market order and triggered stop (default 5)' },
  'impact-bps': {
    type: 'string',
    value: 'BPS',
    help: "slippage added for each percent of the candle's volume that an order takes (default 0)",
  },
  'volume-cap-pct': { type: 'string', value: 'PCT', help: "most of a candle's volume that fills; 0 = no cap (default 10)" },
  'latency-ms': {
    type: 'string',
    value: 'MIN..MAX',
    help: 'how long orders travel: they live from the first candle that opens after (default 0)',
  },
  'cancel-latency-ms': {
    type: 'string',
    value: 'MIN..MAX',
    help: 'how long cancels travel; what fills before stays filled (default 0)',
  },
  'reject-prob': { type: 'string', value: 'SHARE', help: 'share of orders that the venue refuses, 0 to 1 (default 0)' },
  'partial-prob': {
    type: 'string',
    value: 'SHARE',
    help: 'share of orders whose first execution is cut in two, 0 to 1 (default 0)',
  },
  seed: { type: 'string', value: 'N', help: 'of everything random (default 0)' },
  'fill-path': {
    type: 'string',
    value: 'POLICY',
    help: `the way inside a candle: ${FILL_PATHS.join(', ')} (default pessimistic)`,
  },
}

export type BacktestVenue = Required<Omit<VenueParameters, 'queueAhead'>>

/** @throws UsageError naming the option, its value and what to write instead. */
export function venueFrom(context: VerbContext): BacktestVenue {
  const volumeCapPct = decimalOption(context, 'volume-cap-pct') ?? Decimal.from(10)
  if (volumeCapPct.gt(Decimal.from(100)))
    throw new UsageError('--volume-cap-pct', textOption(context, 'volume-cap-pct'), 'write at most 100')
  return {
    fillPath: choiceOption(context, 'fill-path', FILL_PATHS) ?? 'pessimistic',
    slippageBps: decimalOption(context, 'slippage-bps') ?? Decimal.from(5),
    impactBpsPerPctVolume: decimalOption(context, 'impact-bps') ?? Decimal.from(0),
    volumeCapPct,
    latency: latencyOption(context, 'latency-ms'),
    cancelLatency: latencyOption(context, 'cancel-latency-ms'),
    rejectProb: numberOption(context, 'reject-prob', 0, 1) ?? 0,
    partialProb: numberOption(context, 'partial-prob', 0, 1) ?? 0,
    seed: integerOption(context, 'seed', 0, Number.MAX_SAFE_INTEGER) ?? 0,
  }
}

/** `50..200`, or `100` for always that. */
function latencyOption(context: VerbContext, name: string): Latency {
  const text = textOption(context, name)
  if (text === undefined) return { minMs: 0, maxMs: 0 }
  const match = /^(\d{1,7})(?:\.\.(\d{1,7}))?$/.exec(text)
  const minMs = match ? Number(match[1]) : Number.NaN
  const maxMs = match?.[2] === undefined ? minMs : Number(match[2])
  if (!(minMs <= maxMs && maxMs <= LONGEST_MS))
    throw new UsageError(`--${name}`, text, `write MIN..MAX in whole milliseconds up to ${LONGEST_MS}, such as 50..200`)
  return { minMs, maxMs }
}
