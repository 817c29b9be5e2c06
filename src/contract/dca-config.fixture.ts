/** DCA configs for tests: a small whole one, one with every block, and a way to change a path. */

import type { DcaConfig } from '../core/dca/config.ts'
import { parseDcaConfig } from './dca-config.ts'

/** Needs nothing that has a default. */
export const SMALL = {
  schemaVersion: 1,
  type: 'dca',
  name: 'BTC dip',
  exchange: 'binance',
  pairs: ['BTC/USDT'],
  baseOrder: { size: '20' },
  averaging: {
    rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.2' },
    amount: { type: 'fixed', value: '20' },
    volumeScale: '1.5',
    maxOrders: 3,
  },
  exits: { takeProfit: { targets: [{ profitPct: '1.5', sellPct: '100' }] } },
} as const

export const RSI_BELOW_30 = {
  timeframe: '1h',
  lhs: { kind: 'indicator', name: 'rsi', params: { period: 14 } },
  op: 'lt',
  rhs: { kind: 'const', value: '30' },
} as const

export const playbookOf = (...conditions: readonly unknown[]) => ({
  items: conditions.map((condition, i) => ({ id: `i${i + 1}`, condition })),
})

/** Every block this version obeys. */
export const WHOLE = {
  ...SMALL,
  exchangeKeyId: null,
  market: 'spot',
  direction: 'long',
  pairs: ['BTC/USDT', 'ETH/USDT'],
  timeframe: '1h',
  maxActiveDeals: 2,
  maxDealsPerPair: 1,
  stopAfterDeals: 100,
  risk: { maxPositionQuote: 500, maxDailyLossPct: 5 },
  sizing: { reinvestPct: 50, riskReductionPct: 100 },
  dealStart: {
    delaySec: 60,
    cooldownSec: 600,
    priceBand: { 'BTC/USDT': { min: 1000, max: 200000 } },
    minQuoteVolume24h: 1000000,
  },
  baseOrder: { size: 25.5, orderType: 'limit', limit: { mode: 'per_pair', prices: { 'BTC/USDT': '50000', 'ETH/USDT': '3000' } } },
  entry: { mode: 'conditional', playbook: playbookOf(RSI_BELOW_30) },
  averaging: {
    rule: {
      type: 'levels',
      levels: [
        { id: 'a', dropPct: 2, amount: 100 },
        { id: 'b', dropPct: 4, amount: 150, enabled: false },
        { id: 'c', dropPct: 8, amount: 200 },
      ],
    },
    requirePlaybook: playbookOf({ ...RSI_BELOW_30, rhs: { kind: 'level', name: 'oversold' } }),
    maxInvestmentPerDeal: 400,
    cooldown: { n: 2, unit: 'bars' },
    waitForPrevious: true,
    stopOnLoss: { type: 'pct', value: 40 },
  },
  exits: {
    profitBasis: 'net',
    takeProfit: {
      from: 'base_order',
      targets: [
        { profitPct: 4, sellPct: 50 },
        { profitPct: 2, sellPct: 50 },
      ],
    },
    trailing: { activationPct: 5, distancePct: 1 },
    takeProfitAndRestart: { targetPct: 30 },
    stopLoss: { value: 20, breakEvenAfterTarget: 1 },
    timeExit: { maxHoldSec: 86400, minProfitPct: null },
    closeBy: { playbook: playbookOf({ ...RSI_BELOW_30, op: 'gt', rhs: { kind: 'const', value: 80 } }), minProfitPct: 1 },
  },
  regime: { rsiBelow: null },
  emergencyBrake: { circuitBreaker: { dropPct: 10, windowMin: 5 } },
} as const

/** A deep copy with the value at a path (`exits.takeProfit.targets.0.sellPct`) replaced, or taken out when undefined. */
export function changed(config: unknown, path: string, value: unknown): Record<string, unknown> {
  const copy = JSON.parse(JSON.stringify(config)) as Record<string, unknown>
  const keys = path.split('.')
  let place = copy
  for (const key of keys.slice(0, -1)) {
    place[key] ??= {}
    place = place[key] as Record<string, unknown>
  }
  const last = keys.at(-1) ?? ''
  if (value === undefined) delete place[last]
  else place[last] = value
  return copy
}

/** A bot that trades on any waves of some percent: base order at once, three safety orders, two targets, a stop. */
export function wavesConfig(changes: Record<string, unknown> = {}): DcaConfig {
  const parsed = parseDcaConfig({
    schemaVersion: 1,
    type: 'dca',
    name: 'waves',
    exchange: 'binance',
    pairs: ['BTC/USDT'],
    timeframe: '1h',
    baseOrder: { size: '100' },
    entry: { mode: 'immediate' },
    averaging: {
      rule: { type: 'ladder', stepPct: '2', stepScale: '1.1' },
      amount: { type: 'fixed', value: '100' },
      volumeScale: '1.2',
      maxOrders: 3,
    },
    exits: {
      takeProfit: {
        targets: [
          { profitPct: '1.5', sellPct: '50' },
          { profitPct: '3', sellPct: '50' },
        ],
      },
      stopLoss: { type: 'pct', value: '11' },
    },
    ...changes,
  })
  if (!parsed.ok) throw new Error(`not a valid bot: ${JSON.stringify(parsed.findings)}`)
  return parsed.config
}
