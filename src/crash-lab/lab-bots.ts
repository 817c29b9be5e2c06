// The laboratory's own bots: DCA bots that trade within minutes, with every placement that an order can have. A user's bot takes their
// place with --config.

import { parseDcaConfig } from '../contract/dca-config.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { type InstrumentRules, instrumentFromRules } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import { symbolsOf } from '../engine/dca/prepare.ts'
import type { Dice } from './dice.ts'

/** A bot of a story. */
export interface LabBot {
  readonly botId: string
  readonly runId: string
  /** By version, from 1: an edit in the middle of a deal goes to the next one. */
  readonly versions: readonly DcaConfig[]
  readonly initialBalance: string
  readonly feedTimeframe: Timeframe
  /** Candles of the past that its indicators need; absent: a few. */
  readonly historyBars?: number
}

export const LAB_SYMBOL = 'LAB/USDT'

export function randomLabBot(dice: Dice, number: number, rules: InstrumentRules): LabBot {
  const instrument = instrumentFromRules(rules)
  const input = randomConfig(dice)
  const edited = { ...input, exits: randomExits(dice), averaging: randomAveraging(dice) }
  return {
    botId: `dca_bot_1700000000000_lab${number}`,
    runId: `run_lab${number}`,
    versions: [readConfig(input, instrument), readConfig(edited, instrument)],
    initialBalance: dice.of(['1000', '3000']),
    feedTimeframe: '1m',
  }
}

/** Every symbol that a bot trades or looks at. */
export function symbolsOfBot(bot: LabBot): string[] {
  return [...new Set(bot.versions.flatMap(symbolsOf))]
}

function readConfig(input: Record<string, unknown>, instrument: ReturnType<typeof instrumentFromRules>): DcaConfig {
  const parsed = parseDcaConfig(input, { instrument: symbol => (symbol === instrument.symbol ? instrument : undefined) })
  if (!parsed.ok)
    throw new Error(`the laboratory's bot is not valid: ${JSON.stringify(parsed.findings)}\n${JSON.stringify(input)}`)
  return parsed.config
}

function randomConfig(dice: Dice): Record<string, unknown> {
  const limit = dice.chance(0.25)
  return {
    schemaVersion: 1,
    type: 'dca',
    name: 'lab',
    exchange: 'lab',
    pairs: [LAB_SYMBOL],
    timeframe: '1m',
    maxActiveDeals: 1,
    maxDealsPerPair: 1,
    reserve: dice.of(['full_ladder', 'full_ladder', 'next_order']),
    dealStart: { cooldownSec: dice.of([0, 0, 60]) },
    baseOrder: {
      size: dice.of(['50', '100']),
      ...(limit
        ? {
            orderType: 'limit',
            limit: { mode: 'offset', offsetPct: dice.of(['-0.1', '0']) },
            timeoutSec: dice.of([60, 180]),
            onTimeout: dice.of(['cancel', 'market']),
          }
        : {}),
    },
    entry: { mode: 'immediate' },
    averaging: randomAveraging(dice),
    exits: randomExits(dice),
  }
}

function randomAveraging(dice: Dice): Record<string, unknown> {
  return {
    rule: { type: 'ladder', stepPct: dice.of(['0.3', '0.6', '1']), stepScale: dice.of(['1', '1.3']) },
    amount: { type: 'fixed', value: dice.of(['30', '60']) },
    volumeScale: dice.of(['1', '1.4']),
    maxOrders: dice.whole(2, 5),
    placement: dice.of(['resting', 'resting', 'virtual']),
    orderType: 'limit',
    activeOrdersCount: dice.whole(1, 2),
  }
}

function randomExits(dice: Dice): Record<string, unknown> {
  const protection = dice.of(['none', 'resting', 'resting', 'virtual', 'trailing'])
  const targets = dice.chance(0.4)
    ? [
        { profitPct: '0.4', sellPct: '50' },
        { profitPct: '0.9', sellPct: '50' },
      ]
    : [{ profitPct: dice.of(['0.3', '0.7', '1.5']), sellPct: '100' }]
  // A stop and targets would bind the same coins: beside a resting stop the targets are watched.
  const placement = protection === 'resting' || protection === 'trailing' ? 'virtual' : dice.of(['resting', 'resting', 'virtual'])
  return {
    takeProfit: { targets, placement },
    ...(protection === 'none'
      ? {}
      : {
          stopLoss: {
            type: 'pct',
            value: dice.of(['1.5', '3', '6']),
            placement: protection === 'virtual' ? 'virtual' : 'resting',
            trailing: protection === 'trailing',
          },
        }),
    ...(placement === 'virtual' && dice.chance(0.4) ? { trailing: { activationPct: '0.3', distancePct: '0.2' } } : {}),
  }
}
