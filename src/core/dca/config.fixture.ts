/** A DCA configuration for tests: spot, one pair, a base order of 100 and nothing else; each test adds the block it is about. */

import type { Averaging, BaseOrder, DcaConfig, Exits, StopLoss, TakeProfit } from './config.ts'

export const PAIR = 'BTC/USDT'

export function takeProfit(profitPct: string, rest: Partial<TakeProfit> = {}): TakeProfit {
  return { from: 'average', targets: [{ profitPct, sellPct: '100' }], placement: 'resting', ...rest }
}

export function stopLoss(rest: Partial<StopLoss> = {}): StopLoss {
  return {
    type: 'pct',
    value: '20',
    prices: null,
    basis: 'average',
    trailing: false,
    timeoutSec: 0,
    breakEvenAfterTarget: null,
    action: 'close',
    placement: 'virtual',
    ...rest,
  }
}

export function averaging(rest: Partial<Averaging> = {}): Averaging {
  return {
    rule: { type: 'ladder', stepPct: '1.5', stepScale: '1' },
    requirePlaybook: null,
    amount: { type: 'fixed', value: '50' },
    volumeScale: '1',
    maxOrders: 5,
    maxOrdersAllDeals: 20,
    maxInvestmentPerDeal: null,
    placement: 'resting',
    orderType: 'limit',
    activeOrdersCount: 1,
    cooldown: { n: 0, unit: 'minutes' },
    waitForPrevious: false,
    stopOnLoss: null,
    ...rest,
  }
}

export interface ConfigChanges extends Partial<Omit<DcaConfig, 'baseOrder' | 'exits'>> {
  readonly baseOrder?: Partial<BaseOrder>
  readonly exits?: Partial<Exits>
}

export function dcaConfig(changes: ConfigChanges = {}): DcaConfig {
  const { baseOrder, exits, ...rest } = changes
  return {
    schemaVersion: 1,
    type: 'dca',
    name: 'test',
    exchange: 'binance',
    exchangeKeyId: null,
    market: 'spot',
    direction: 'long',
    leverage: 1,
    marginMode: 'isolated',
    pairs: [PAIR],
    timeframe: '1h',
    maxActiveDeals: 1,
    maxDealsPerPair: 1,
    stopAfterDeals: null,
    profitCurrency: 'quote',
    reserve: 'full_ladder',
    reserveBufferPct: '0.3',
    risk: { maxPositionQuote: null, maxDailyLossPct: null },
    sizing: { reinvestPct: '0', riskReductionPct: '0' },
    dealStart: { delaySec: 0, cooldownSec: 0, priceBand: {}, minQuoteVolume24h: null, maxSpreadPct: null },
    entry: { mode: 'immediate', playbook: null, signal: { maxLagSec: 300, requireTimestamp: true, allow: ['start', 'close'] } },
    averaging: null,
    regime: null,
    dynamicScaling: null,
    emergencyBrake: null,
    ...rest,
    baseOrder: {
      size: '100',
      sizeType: 'quote',
      orderType: 'market',
      limit: null,
      timeoutSec: 3600,
      onTimeout: 'cancel',
      ...baseOrder,
    },
    exits: {
      profitBasis: 'gross',
      takeProfit: takeProfit('2'),
      trailing: null,
      takeProfitAndRestart: null,
      stopLoss: null,
      timeExit: null,
      closeBy: null,
      ...exits,
    },
  }
}
