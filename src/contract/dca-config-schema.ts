/**
 * The shape of a DCA bot's config v1, key by key, with its defaults. What one key alone cannot say is in `dca-rules.ts`.
 * A block that is missing, null or has `enabled: false` is off.
 */

import { z } from 'zod'
import { playbookSchema, timeframeSchema } from './condition-schema.ts'
import { configDecimal } from './decimal-schema.ts'

const enabled = z.boolean().default(true).meta({ description: 'false = the block is off' })
const percent = configDecimal({ min: '0', max: '100' })
/** Of sizes, amounts and prices: far above what any market takes, so that a slip of the hand is caught. */
const MOST = '1000000000000000'
const positive = configDecimal({ above: '0', max: MOST })
const orNull = <T extends z.ZodType>(schema: T) => schema.nullable().default(null as never)
const id = z.string().min(1).max(60)
const symbol = z.string().min(1).max(50)
const byPair = <T extends z.ZodType>(value: T) => z.record(symbol, value)

export const dealStartSchema = z.strictObject({
  enabled,
  delaySec: z.int().min(0).max(86_400).default(0),
  cooldownSec: z.int().min(0).max(2_592_000).default(0).meta({ description: 'Per pair, after a deal has closed' }),
  priceBand: byPair(z.strictObject({ min: orNull(positive), max: orNull(positive) }))
    .nullable()
    .default(null),
  minQuoteVolume24h: orNull(positive),
  maxSpreadPct: orNull(positive),
})

export const baseOrderSchema = z.strictObject({
  size: positive,
  sizeType: z.enum(['quote', 'base', 'balance_pct']).default('quote'),
  orderType: z.enum(['market', 'limit']).default('market'),
  limit: z
    .strictObject({
      mode: z.enum(['per_pair', 'offset']).default('per_pair'),
      prices: byPair(positive).nullable().default(null),
      offsetPct: configDecimal({ min: '-50', max: '50' }).prefault('-2'),
    })
    .nullable()
    .default(null),
  timeoutSec: z.int().min(10).max(604_800).default(3600).meta({ description: 'For all entry limits' }),
  onTimeout: z.enum(['cancel', 'market']).default('cancel'),
})

export const SIGNAL_ACTIONS = ['start', 'close', 'add_funds', 'reduce', 'pause', 'resume'] as const

export const entrySchema = z.strictObject({
  mode: z.enum(['immediate', 'conditional', 'signal']).default('immediate'),
  playbook: playbookSchema.nullable().default(null),
  signal: z
    .strictObject({
      maxLagSec: z.int().min(1).max(3600).default(300),
      requireTimestamp: z.boolean().default(true),
      allow: z.array(z.enum(SIGNAL_ACTIONS)).max(6).default(['start', 'close']),
    })
    .prefault({}),
})

const noPlaybook = playbookSchema.nullable().default(null)

export const averagingRuleSchema = z
  .preprocess(
    // The first kind is the default one.
    value => (typeof value === 'object' && value !== null && !('type' in value) ? { type: 'ladder', ...value } : value),
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('ladder'),
        stepPct: configDecimal({ min: '0.01', max: '90' }),
        stepScale: configDecimal({ min: '0.1', max: '10' }).prefault('1'),
      }),
      z.strictObject({
        type: z.literal('levels'),
        levels: z
          .array(z.strictObject({ id, dropPct: positive, amount: positive, enabled: z.boolean().default(true) }))
          .min(1)
          .max(200),
      }),
      z.strictObject({ type: z.literal('down_from_last'), value: positive.prefault('5') }),
      z.strictObject({ type: z.literal('down_from_average'), value: positive.prefault('5') }),
      z.strictObject({ type: z.literal('loss_pct'), value: positive.prefault('10') }),
      z.strictObject({ type: z.literal('loss_amount'), value: positive.prefault('100') }),
      z.strictObject({ type: z.literal('condition'), playbook: noPlaybook }),
    ]),
  )
  .meta({ id: 'AveragingRule' })

export const averagingSchema = z.strictObject({
  enabled,
  rule: averagingRuleSchema,
  requirePlaybook: noPlaybook,
  amount: z
    .strictObject({ type: z.enum(['base_pct', 'fixed', 'balance_pct']).default('base_pct'), value: positive.prefault('100') })
    .prefault({}),
  volumeScale: configDecimal({ min: '0.1', max: '10' }).prefault('1'),
  maxOrders: z.int().min(0).max(200).optional().meta({ description: 'Default 5; with levels the enabled ones' }),
  maxOrdersAllDeals: z.int().min(1).max(1000).default(20),
  maxInvestmentPerDeal: orNull(positive),
  placement: z.enum(['resting', 'virtual']).default('resting'),
  orderType: z.enum(['limit', 'market']).default('limit'),
  activeOrdersCount: z.int().min(1).max(200).default(1),
  cooldown: z
    .strictObject({ enabled, n: z.int().min(0).max(100_000).default(0), unit: z.enum(['minutes', 'bars']).default('minutes') })
    .nullable()
    .default(null),
  waitForPrevious: z.boolean().default(false),
  stopOnLoss: z
    .strictObject({ enabled, type: z.enum(['pct', 'amount']).default('pct'), value: positive })
    .nullable()
    .default(null),
})

export const takeProfitSchema = z.strictObject({
  enabled,
  from: z.enum(['average', 'base_order']).default('average'),
  targets: z
    .array(z.strictObject({ profitPct: positive, sellPct: configDecimal({ above: '0', max: '100' }) }))
    .min(1)
    .max(10),
  placement: z.enum(['resting', 'virtual']).default('resting'),
})

export const stopLossSchema = z.strictObject({
  enabled,
  type: z.enum(['pct', 'price', 'amount']).default('pct'),
  value: orNull(positive),
  prices: byPair(positive).nullable().default(null),
  basis: z.enum(['average', 'base_order', 'last_entry']).default('average'),
  trailing: z.boolean().default(false),
  timeoutSec: z.int().min(0).max(2_592_000).default(0),
  breakEvenAfterTarget: orNull(z.int().min(1).max(10)),
  action: z.enum(['close', 'close_and_pause', 'close_and_stop']).default('close'),
  placement: z
    .enum(['resting', 'virtual'])
    .optional()
    .meta({ description: 'Default: resting where the venue can and the targets leave the coins free, else virtual' }),
})

export const exitsShape = {
  profitBasis: z.enum(['gross', 'net']).default('gross'),
  takeProfit: takeProfitSchema.nullable().default(null),
  trailing: z
    .strictObject({
      enabled,
      activationPct: positive.prefault('10'),
      distancePct: configDecimal({ above: '0', below: '100' }).prefault('5'),
    })
    .nullable()
    .default(null),
  takeProfitAndRestart: z
    .strictObject({
      enabled,
      targetPct: positive.prefault('30'),
      capital: z.enum(['original', 'compounded']).default('original'),
      waitForSignal: z.boolean().default(false),
    })
    .nullable()
    .default(null),
  stopLoss: stopLossSchema.nullable().default(null),
  timeExit: z
    .strictObject({
      enabled,
      maxHoldSec: z.int().min(60).max(315_360_000).default(2_592_000),
      minProfitPct: configDecimal().nullable().prefault('10'),
    })
    .nullable()
    .default(null),
  closeBy: z
    .strictObject({ enabled, playbook: noPlaybook, minProfitPct: orNull(configDecimal()) })
    .nullable()
    .default(null),
} as const

export const regimeSchema = z.strictObject({
  enabled,
  timeframe: timeframeSchema.default('1d'),
  symbol: orNull(symbol),
  belowMa: z.boolean().default(true),
  maPeriod: z.int().min(1).max(5000).default(200),
  rsiBelow: configDecimal({ min: '0', max: '100' }).nullable().prefault('30'),
  rsiPeriod: z.int().min(2).max(5000).default(14),
  consecutiveBars: z.int().min(1).max(1000).default(7),
  volumeDecreasePct: percent.prefault('20'),
  consolidationBars: z.int().min(1).max(1000).default(5),
  priceRangePct: positive.prefault('5'),
  allowEntryOverride: z.boolean().default(false),
})

export const dynamicScalingShape = {
  enabled,
  minFactor: positive.prefault('0.1'),
  maxFactor: positive.prefault('3'),
  volatility: z
    .strictObject({
      enabled,
      timeframe: timeframeSchema.default('1h'),
      low: positive.prefault('1.2'),
      high: positive.prefault('0.7'),
    })
    .nullable()
    .default(null),
  supportResistance: z
    .strictObject({ enabled, nearSupport: positive.prefault('1.5'), nearResistance: positive.prefault('0.5') })
    .nullable()
    .default(null),
  fearGreed: z
    .strictObject({
      enabled,
      seriesId: id,
      extremeFear: positive.prefault('1.8'),
      fearMax: percent.prefault('25'),
      extremeGreed: positive.prefault('0.5'),
      greedMin: percent.prefault('75'),
      maxAgeHours: z.int().min(1).max(8760).default(48),
    })
    .nullable()
    .default(null),
  volumeProfile: z
    .strictObject({
      enabled,
      timeframe: timeframeSchema.default('1h'),
      lookbackBars: z.int().min(1).max(5000).default(200),
      bins: z.int().min(2).max(500).default(24),
      high: positive.prefault('1.3'),
      highRatio: positive.prefault('1.5'),
      low: positive.prefault('0.8'),
      lowRatio: positive.prefault('0.5'),
    })
    .nullable()
    .default(null),
} as const

const CRASH_BASKET = ['BTC', 'ETH', 'BNB', 'SOL', 'XRP']

export const emergencyBrakeShape = {
  enabled,
  circuitBreaker: z
    .strictObject({
      enabled,
      dropPct: configDecimal({ above: '0', below: '100' }).prefault('10'),
      windowMin: z.int().min(1).max(43_200).default(5),
    })
    .nullable()
    .default(null),
  marketCrash: z
    .strictObject({
      enabled,
      basket: z.array(id).min(3).max(50).default(CRASH_BASKET),
      fallingSharePct: percent.prefault('80'),
      dropPct: configDecimal({ above: '0', below: '100' }).prefault('15'),
      timeframe: timeframeSchema.default('1h'),
      bars: z.int().min(1).max(1000).default(24),
    })
    .nullable()
    .default(null),
  action: z.enum(['pause', 'pause_and_close']).default('pause'),
  recovery: z
    .strictObject({
      timeframe: timeframeSchema.default('1m'),
      stabilizationBars: z.int().min(1).max(1000).default(10),
      maxRangePct: positive.prefault('2'),
      auto: z.boolean().default(true),
    })
    .prefault({}),
} as const

export const dcaConfigShape = {
  schemaVersion: z.literal(1),
  type: z.literal('dca'),
  name: z.string().trim().min(1).max(80),
  exchange: z
    .string()
    .regex(/^[a-z0-9_]{2,40}$/, { message: 'a ccxt exchange id, such as binance' })
    .meta({ description: 'ccxt id' }),
  exchangeKeyId: orNull(z.uuid()),
  market: z.enum(['spot', 'perp']).default('spot'),
  direction: z.enum(['long', 'short']).default('long'),
  leverage: z.int().min(1).max(125).default(1),
  marginMode: z.enum(['isolated', 'cross']).default('isolated'),
  pairs: z
    .array(symbol)
    .min(1)
    .max(50)
    .meta({ description: 'Distinct symbols of one quote; list order gets scarce slots and funds' }),
  timeframe: timeframeSchema.default('1h'),
  maxActiveDeals: z.int().min(1).max(200).default(1),
  maxDealsPerPair: z.int().min(1).max(10).default(1),
  stopAfterDeals: orNull(z.int().min(1)),
  profitCurrency: z.enum(['quote', 'base']).default('quote'),
  reserve: z.enum(['full_ladder', 'next_order']).default('full_ladder'),
  reserveBufferPct: configDecimal({ min: '0', max: '10' }).prefault('0.3'),
  risk: z
    .strictObject({
      enabled,
      maxPositionQuote: orNull(positive),
      maxDailyLossPct: orNull(configDecimal({ above: '0', max: '100' })),
    })
    .nullable()
    .default(null),
  sizing: z
    .strictObject({ enabled, reinvestPct: percent.prefault('0'), riskReductionPct: percent.prefault('0') })
    .nullable()
    .default(null),
  dealStart: dealStartSchema.nullable().default(null),
  baseOrder: baseOrderSchema,
  entry: entrySchema.prefault({}),
  averaging: averagingSchema.nullable().default(null),
  exits: z.strictObject(exitsShape),
  regime: regimeSchema.nullable().default(null),
  dynamicScaling: z.strictObject(dynamicScalingShape).nullable().default(null),
  emergencyBrake: z.strictObject(emergencyBrakeShape).nullable().default(null),
} as const

export const dcaConfigSchema = z
  .strictObject(dcaConfigShape)
  .meta({ id: 'DcaConfig', description: 'Config of a DCA bot, version 1' })

/** The config as it is stored and answered: defaults filled, decimals as text, blocks that are switched off kept as they were. */
export type DcaDocument = z.output<typeof dcaConfigSchema>
