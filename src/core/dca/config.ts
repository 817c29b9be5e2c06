// The configuration of a DCA bot, version 1, as trading reads it: every default filled, every block that is off is null, decimals as
// text. `contract/dca-config.ts` makes it from what people write and refuses what breaks a rule.

import type { Playbook } from '../conditions/playbook.ts'
import type { Timeframe } from '../market/timeframe.ts'

/** Exact decimal number as text without exponent, such as '0.001'. */
export type DecimalText = string

export interface DcaConfig {
  readonly schemaVersion: 1
  readonly type: 'dca'
  readonly name: string
  /** ccxt id. */
  readonly exchange: string
  /** Only for live runs. */
  readonly exchangeKeyId: string | null
  readonly market: 'spot' | 'perp'
  readonly direction: 'long' | 'short'
  readonly leverage: number
  readonly marginMode: 'isolated' | 'cross'
  /** Distinct unified symbols of one quote; list order gets scarce slots and funds. */
  readonly pairs: readonly string[]
  /** Base clock; bar unit of cooldowns. */
  readonly timeframe: Timeframe
  readonly maxActiveDeals: number
  readonly maxDealsPerPair: number
  readonly stopAfterDeals: number | null
  readonly profitCurrency: 'quote' | 'base'
  readonly reserve: 'full_ladder' | 'next_order'
  readonly reserveBufferPct: DecimalText
  readonly risk: { readonly maxPositionQuote: DecimalText | null; readonly maxDailyLossPct: DecimalText | null }
  readonly sizing: { readonly reinvestPct: DecimalText; readonly riskReductionPct: DecimalText }
  readonly dealStart: DealStart
  readonly baseOrder: BaseOrder
  readonly entry: Entry
  readonly averaging: Averaging | null
  readonly exits: Exits
  readonly regime: Regime | null
  readonly dynamicScaling: DynamicScaling | null
  readonly emergencyBrake: EmergencyBrake | null
}

export interface DealStart {
  readonly delaySec: number
  /** Per pair, after a deal has closed. */
  readonly cooldownSec: number
  /** By pair; a pair without an entry has no band. */
  readonly priceBand: Readonly<Record<string, { readonly min: DecimalText | null; readonly max: DecimalText | null }>>
  /** Quote currency. */
  readonly minQuoteVolume24h: DecimalText | null
  readonly maxSpreadPct: DecimalText | null
}

export interface BaseOrder {
  readonly size: DecimalText
  /** balance_pct: of the bot's free balance, frozen per deal. */
  readonly sizeType: 'quote' | 'base' | 'balance_pct'
  readonly orderType: 'market' | 'limit'
  /** Set exactly when orderType is limit. */
  readonly limit: BaseLimit | null
  /** Holds for all entry limits. */
  readonly timeoutSec: number
  readonly onTimeout: 'cancel' | 'market'
}

export type BaseLimit =
  /** A price for every pair of the bot. */
  | { readonly mode: 'per_pair'; readonly prices: Readonly<Record<string, DecimalText>> }
  /** Percent points from the last price. */
  | { readonly mode: 'offset'; readonly offsetPct: DecimalText }

export type SignalAction = 'start' | 'close' | 'add_funds' | 'reduce' | 'pause' | 'resume'

export interface Entry {
  readonly mode: 'immediate' | 'conditional' | 'signal'
  /** Never set with immediate, always with conditional; a filter with signal. */
  readonly playbook: Playbook | null
  readonly signal: { readonly maxLagSec: number; readonly requireTimestamp: boolean; readonly allow: readonly SignalAction[] }
}

export interface LadderLevel {
  readonly id: string
  /** Below the base price, percent points. */
  readonly dropPct: DecimalText
  /** In the unit of `averaging.amount.type`. */
  readonly amount: DecimalText
  readonly enabled: boolean
}

export type AveragingRule =
  | { readonly type: 'ladder'; readonly stepPct: DecimalText; readonly stepScale: DecimalText }
  /** All levels, disabled ones too, ascending. */
  | { readonly type: 'levels'; readonly levels: readonly LadderLevel[] }
  /** value: percent points. */
  | { readonly type: 'down_from_last' | 'down_from_average' | 'loss_pct'; readonly value: DecimalText }
  /** value: quote currency. */
  | { readonly type: 'loss_amount'; readonly value: DecimalText }
  | { readonly type: 'condition'; readonly playbook: Playbook }

export type AveragingRuleType = AveragingRule['type']

export interface Averaging {
  readonly rule: AveragingRule
  /** Extra gate on any rule. */
  readonly requirePlaybook: Playbook | null
  /** Of order 1: quote, percent of the base order's cost, percent of the free balance at deal start. */
  readonly amount: { readonly type: 'fixed' | 'base_pct' | 'balance_pct'; readonly value: DecimalText }
  readonly volumeScale: DecimalText
  /** Per deal; with levels the number of enabled ones. */
  readonly maxOrders: number
  readonly maxOrdersAllDeals: number
  /** Quote: base, averaging and fees. */
  readonly maxInvestmentPerDeal: DecimalText | null
  /** As it acts: condition rules, a gate or a cooldown make it virtual. */
  readonly placement: 'resting' | 'virtual'
  readonly orderType: 'limit' | 'market'
  readonly activeOrdersCount: number
  /** n 0 = none. */
  readonly cooldown: { readonly n: number; readonly unit: 'minutes' | 'bars' }
  readonly waitForPrevious: boolean
  readonly stopOnLoss: { readonly type: 'pct' | 'amount'; readonly value: DecimalText } | null
}

export interface Exits {
  readonly profitBasis: 'gross' | 'net'
  readonly takeProfit: TakeProfit | null
  readonly trailing: { readonly activationPct: DecimalText; readonly distancePct: DecimalText } | null
  readonly takeProfitAndRestart: {
    readonly targetPct: DecimalText
    readonly capital: 'original' | 'compounded'
    readonly waitForSignal: boolean
  } | null
  readonly stopLoss: StopLoss | null
  readonly timeExit: { readonly maxHoldSec: number; readonly minProfitPct: DecimalText | null } | null
  readonly closeBy: { readonly playbook: Playbook; readonly minProfitPct: DecimalText | null } | null
}

export interface TakeProfit {
  readonly from: 'average' | 'base_order'
  /** Ascending by profitPct; sellPct of the quantity held when the first one fired. */
  readonly targets: readonly { readonly profitPct: DecimalText; readonly sellPct: DecimalText }[]
  readonly placement: 'resting' | 'virtual'
}

export interface StopLoss {
  readonly type: 'pct' | 'price' | 'amount'
  /** Percent points, price or loss in quote; null when every pair has its own price. */
  readonly value: DecimalText | null
  /** Only with type price. */
  readonly prices: Readonly<Record<string, DecimalText>> | null
  readonly basis: 'average' | 'base_order' | 'last_entry'
  readonly trailing: boolean
  readonly timeoutSec: number
  /** Number of the target, from 1, after which the stop is at least at break-even. */
  readonly breakEvenAfterTarget: number | null
  readonly action: 'close' | 'close_and_pause' | 'close_and_stop'
  /** As it acts: virtual where the venue cannot rest it beside the targets or it must wait. */
  readonly placement: 'resting' | 'virtual'
}

export interface Regime {
  readonly timeframe: Timeframe
  /** null = the pair. */
  readonly symbol: string | null
  readonly belowMa: boolean
  readonly maPeriod: number
  readonly rsiBelow: DecimalText | null
  readonly rsiPeriod: number
  readonly consecutiveBars: number
  readonly volumeDecreasePct: DecimalText
  readonly consolidationBars: number
  readonly priceRangePct: DecimalText
  readonly allowEntryOverride: boolean
}

export interface DynamicScaling {
  readonly minFactor: DecimalText
  readonly maxFactor: DecimalText
  readonly volatility: { readonly timeframe: Timeframe; readonly low: DecimalText; readonly high: DecimalText } | null
  readonly supportResistance: { readonly nearSupport: DecimalText; readonly nearResistance: DecimalText } | null
  readonly fearGreed: {
    readonly seriesId: string
    readonly extremeFear: DecimalText
    readonly fearMax: DecimalText
    readonly extremeGreed: DecimalText
    readonly greedMin: DecimalText
    readonly maxAgeHours: number
  } | null
  readonly volumeProfile: {
    readonly timeframe: Timeframe
    readonly lookbackBars: number
    readonly bins: number
    readonly high: DecimalText
    readonly highRatio: DecimalText
    readonly low: DecimalText
    readonly lowRatio: DecimalText
  } | null
}

export interface EmergencyBrake {
  readonly circuitBreaker: { readonly dropPct: DecimalText; readonly windowMin: number } | null
  readonly marketCrash: {
    readonly basket: readonly string[]
    readonly fallingSharePct: DecimalText
    readonly dropPct: DecimalText
    readonly timeframe: Timeframe
    readonly bars: number
  } | null
  readonly action: 'pause' | 'pause_and_close'
  readonly recovery: {
    readonly timeframe: Timeframe
    readonly stabilizationBars: number
    readonly maxRangePct: DecimalText
    /** false: only the user resumes. */
    readonly auto: boolean
  }
}
