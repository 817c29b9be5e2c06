// From a checked configuration to what a run needs: the setting of its machine and the candle series it reads.

import type { DcaConfig } from '../../core/dca/config.ts'
import { planRungs } from '../../core/dca/ladder.ts'
import { type Instrument, type InstrumentId, splitSymbol } from '../../core/market/instrument.ts'
import type { Timeframe } from '../../core/market/timeframe.ts'
import type { DcaRules, DcaSetting, VenueTraits } from './deal-context.ts'
import { compilePair, decisionTimeframe, type PairPlaybooks } from './playbooks.ts'

export interface SeriesNeed {
  readonly key: string
  readonly instrumentId: string
  readonly timeframe: Timeframe
  /** Closed bars that a live feed must keep. */
  readonly depth: number
}

export interface PreparedDca {
  readonly setting: DcaSetting
  readonly decisionTimeframe: Timeframe
  readonly direction: 'long' | 'short'
  readonly pairs: readonly { readonly symbol: string; readonly instrument: Instrument }[]
  readonly needs: readonly SeriesNeed[]
  readonly playbooks: readonly PairPlaybooks[]
}

/**
 * @param versions the configuration by version: the current one and those that open deals still follow.
 * @param instruments by symbol: every pair, and every other symbol a condition or the regime looks at.
 * @param traits of the venue it trades at; left out for a simulated one.
 * @throws RangeError where a symbol has no instrument.
 */
export function prepareDca(
  versions: ReadonlyMap<number, DcaConfig>,
  currentVersion: number,
  instruments: ReadonlyMap<string, Instrument>,
  venueTimeframe: Timeframe,
  traits: VenueTraits = {},
): PreparedDca {
  const instrumentIdOf = (symbol: string): InstrumentId => {
    const instrument = instruments.get(symbol)
    if (!instrument) throw new RangeError(`no candles or instrument are known for ${symbol}`)
    return instrument.id
  }
  const rules = new Map<number, DcaRules>()
  for (const [version, stored] of versions) {
    const config = asItActs(stored)
    rules.set(version, {
      version,
      config,
      rungs: config.averaging ? planRungs(config.averaging) : [],
      playbooks: new Map(config.pairs.map(symbol => [symbol, compilePair(config, symbol, instrumentIdOf, venueTimeframe)])),
    })
  }
  const current = rules.get(currentVersion)
  if (!current) throw new RangeError(`version ${currentVersion} of the configuration is not at hand`)
  const needs = new Map<string, SeriesNeed>()
  const playbooks = [...rules.values()].flatMap(each => [...each.playbooks.values()])
  for (const each of playbooks) {
    for (const need of each.series) {
      const known = needs.get(need.key)
      needs.set(need.key, { ...need, depth: Math.max(need.depth, known?.depth ?? 0) })
    }
  }
  const symbols = new Set([...rules.values()].flatMap(each => each.config.pairs))
  return {
    setting: {
      ...traits,
      quote: splitSymbol(current.config.pairs[0]!)!.quote,
      instruments,
      rules: version => {
        const found = rules.get(version)
        if (!found) throw new Error(`version ${version} of the configuration is not at hand`)
        return found
      },
      knows: version => rules.has(version),
    },
    decisionTimeframe: decisionTimeframe(current.config),
    direction: current.config.direction,
    pairs: [...current.config.pairs, ...[...symbols].filter(symbol => !current.config.pairs.includes(symbol))].map(symbol => ({
      symbol,
      instrument: instruments.get(symbol)!,
    })),
    needs: [...needs.values()],
    playbooks,
  }
}

/** Profit kept in coins is known only when a target is reached, so its orders cannot rest: they are watched instead. */
function asItActs(config: DcaConfig): DcaConfig {
  const { takeProfit, stopLoss } = config.exits
  if (config.profitCurrency !== 'base') return config
  return {
    ...config,
    exits: {
      ...config.exits,
      takeProfit: takeProfit && { ...takeProfit, placement: 'virtual' },
      stopLoss: stopLoss && { ...stopLoss, placement: 'virtual' },
    },
  }
}

/** Every symbol a configuration looks at: its pairs, and those its conditions and regime name. */
export function symbolsOf(config: DcaConfig): string[] {
  const symbols = new Set(config.pairs)
  const playbooks = [
    config.entry.playbook,
    config.averaging?.requirePlaybook,
    config.averaging?.rule.type === 'condition' ? config.averaging.rule.playbook : null,
    config.exits.closeBy?.playbook,
  ]
  for (const playbook of playbooks) {
    for (const item of playbook?.items ?? []) if (item.enabled && item.condition.symbol) symbols.add(item.condition.symbol)
  }
  if (config.regime?.symbol) symbols.add(config.regime.symbol)
  return [...symbols]
}
