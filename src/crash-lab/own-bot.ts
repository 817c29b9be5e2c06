// A user's own bot in the laboratory: its configuration as it is, on a market that the laboratory makes, with as much money as its deals
// need. Its conditions really run; where they decide the entry, a deal is asked for by command, so that there is something to break.

import type { DcaConfig } from '../core/dca/config.ts'
import { previewLadder } from '../core/dca/preview.ts'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import { sha256Hex } from '../core/hash/sha256.ts'
import { type InstrumentRules, instrumentFromRules } from '../core/market/instrument.ts'
import { TIMEFRAMES, type Timeframe, timeframeMs } from '../core/market/timeframe.ts'
import { Decimal, ONE } from '../core/money/decimal.ts'
import { prepareDca } from '../engine/dca/prepare.ts'
import type { OwnBot } from './story.ts'

/** Room beside what the deals need: fees, and prices that move before the first order. */
const SPARE = Decimal.from('1.2')

/** @param rules of every symbol that the bot trades or looks at. */
export function ownBot(config: DcaConfig, rules: readonly InstrumentRules[], startPrice: number): OwnBot {
  const instruments = new Map(rules.map(each => [each.symbol, instrumentFromRules(each)]))
  const feedTimeframe = finestTimeframe(config, instruments)
  const instrument = instruments.get(config.pairs[0]!)!
  const price = Decimal.from(startPrice).toGrid(instrument.tick, 'floor')
  const plenty = Decimal.from(1_000_000_000)
  const { requiredCapital } = previewLadder({ config, instrument, price, balance: plenty })
  const isShare = config.baseOrder.sizeType === 'balance_pct'
  const needed = isShare ? Decimal.from(10_000) : requiredCapital.times(Decimal.from(config.maxActiveDeals)).times(SPARE)
  return {
    bot: {
      botId: 'dca_bot_1700000000000_own1',
      runId: 'run_own1',
      versions: [config],
      initialBalance: (needed.lt(ONE) ? ONE : needed).round(2, 'ceil').toString(),
      feedTimeframe,
      historyBars: barsNeeded(config, instruments, feedTimeframe),
    },
    instruments: rules,
    startPrice,
    needsCommand: config.entry.mode !== 'immediate',
  }
}

export function configHash(document: unknown): string {
  return sha256Hex(canonicalJson(document))
}

type Instruments = Parameters<typeof prepareDca>[2]

/** The finest bars that the bot reads: what is coarser is made of them. */
function finestTimeframe(config: DcaConfig, instruments: Instruments): Timeframe {
  const { decisionTimeframe, needs } = prepareDca(new Map([[1, config]]), 1, instruments, '1m')
  const used = [decisionTimeframe, ...needs.map(need => need.timeframe)]
  return TIMEFRAMES.find(timeframe => used.includes(timeframe)) ?? decisionTimeframe
}

function barsNeeded(config: DcaConfig, instruments: Instruments, feed: Timeframe): number {
  const { needs } = prepareDca(new Map([[1, config]]), 1, instruments, feed)
  return Math.max(30, ...needs.map(need => Math.ceil((need.depth + 2) * (timeframeMs(need.timeframe) / timeframeMs(feed)))))
}

/** A price at which absolute prices of the configuration mean something; 100 where it names none. */
export function likelyPrice(config: DcaConfig): number {
  const { limit } = config.baseOrder
  const named = [
    ...(limit?.mode === 'per_pair' ? Object.values(limit.prices) : []),
    ...Object.values(config.dealStart.priceBand).flatMap(band => [band.min, band.max]),
    ...(config.exits.stopLoss?.type === 'price' && config.exits.stopLoss.value !== null ? [config.exits.stopLoss.value] : []),
  ].filter(each => each !== null)
  return named.length === 0 ? 100 : named.reduce((sum, each) => sum + Number(each), 0) / named.length
}
