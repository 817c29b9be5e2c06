/** Whatever a venue loses, refuses, cuts, doubles back on or tells late: once the truth is told, the bot knows it, and is flat. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { averaging, type ConfigChanges, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { CarelessVenue } from './careless-venue.ts'
import { VenueStory } from './venue-story.ts'

const HALVES = [
  { profitPct: '2', sellPct: '50' },
  { profitPct: '4', sellPct: '50' },
]
const CONFIGS: readonly ConfigChanges[] = [
  { averaging: averaging({ activeOrdersCount: 2, maxOrders: 3 }), exits: { takeProfit: takeProfit('2') } },
  {
    averaging: averaging({ placement: 'virtual', maxOrders: 3 }),
    exits: {
      takeProfit: takeProfit('2', { targets: HALVES, placement: 'virtual' }),
      stopLoss: stopLoss({ placement: 'resting', value: '8' }),
    },
  },
  {
    averaging: averaging({ activeOrdersCount: 3, maxOrders: 3 }),
    exits: {
      takeProfit: takeProfit('2', { targets: HALVES }),
      stopLoss: stopLoss({ placement: 'resting', value: '8', trailing: true }),
    },
  },
  {
    baseOrder: { orderType: 'limit', limit: { mode: 'offset', offsetPct: '-1' }, timeoutSec: 5, onTimeout: 'market' },
    averaging: averaging({ activeOrdersCount: 1, maxOrders: 2 }),
    exits: { takeProfit: takeProfit('2', { targets: HALVES }), trailing: { activationPct: '3', distancePct: '1' } },
  },
]

/** Numbers in [0, 1) from the drawn ones, then from a counter of their own. */
function numbers(drawn: readonly number[]): () => number {
  let at = 0
  return () => {
    const value = at < drawn.length ? drawn[at]! : (at * 2_654_435_761) % 1_000_003
    at += 1
    return (value % 1_000_003) / 1_000_003
  }
}

const drawn = fc.record({
  config: fc.nat(CONFIGS.length - 1),
  locksBalance: fc.boolean(),
  minNotional: fc.constantFrom('0', '5'),
  steps: fc.integer({ min: 5, max: 120 }),
  numbers: fc.array(fc.nat(1_000_002), { minLength: 100, maxLength: 600 }),
})

test('property: fills, books and orders are what truly happened, and every deal ends flat', () => {
  fc.assert(
    fc.property(drawn, ({ config, locksBalance, minNotional, steps, numbers: list }) => {
      const changes = { stopAfterDeals: null, ...CONFIGS[config]! }
      const story = new VenueStory({ config: changes, traits: { locksBalance }, rules: { minNotional }, capital: '100000' })
      const venue = new CarelessVenue(story.closes('100'), numbers(list))
      for (let i = 0; i < steps; i += 1) {
        venue.step()
        if (!venue.brokeItsWord)
          assert.ok(!venue.holdings().isNegative(), `never sells what it does not hold\n${venue.log.slice(-40).join('\n')}`)
      }
      venue.settle()
      venue.assertToldAll()
      if (!venue.brokeItsWord) {
        const dust = story.state.dust['BTC']?.quantity.toString() ?? '0'
        assert.equal(venue.holdings().toString(), dust, 'what is held is the dust')
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 400) },
  )
})
