/** Stories of exits: one is bought at 100 at the open of the second candle; what follows is the scenario's. */

import { averaging } from '../../src/core/dca/config.fixture.ts'
import type { Averaging, Exits } from '../../src/core/dca/config.ts'
import { expectStory, type Scenario } from './story.ts'

export const BOUGHT_AT_100 = `
  100 100 100 100
  100 100 100 100`

/** Tells what follows the base order; takes profit only where `exits` say so. */
export function story(
  exits: Partial<Exits>,
  candles: string,
  expected: string,
  rest: Scenario['config'] = {},
  more: Partial<Omit<Scenario, 'candles' | 'config'>> = {},
) {
  return expectStory(
    { ...more, candles: `${BOUGHT_AT_100}\n${candles.trim()}`, config: { ...rest, exits: { takeProfit: null, ...exits } } },
    `01:00 base buy 1 @ 100\n${expected}`,
  )
}

/** An averaging order of `amount` at `drop` percent below the base order. */
export const rungAt = (stepPct: string, amount: string): Averaging =>
  averaging({ rule: { type: 'ladder', stepPct, stepScale: '1' }, amount: { type: 'fixed', value: amount }, maxOrders: 1 })
