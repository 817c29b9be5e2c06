// A bot's config with the facts of its market: the pairs' rules, the capital a deal needs at the latest price, and what works against
// what.

import type { Conflict } from '../contract/dca-conflicts.ts'
import { findConflicts } from '../contract/dca-conflicts.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { previewLadder } from '../core/dca/preview.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import { listInstruments } from '../storage/instrument-store.ts'
import type { ApiContext } from './http.ts'

export interface KnownMarket {
  /** Undefined where nothing is known of the exchange yet: then symbols are checked by their form only. */
  readonly instrument?: (symbol: string) => Instrument | undefined
  readonly symbols?: readonly string[]
}

/** The rules of all pairs of an exchange that a config names. @param input an unread config. */
export async function marketOf(context: ApiContext, input: unknown): Promise<KnownMarket> {
  const exchange = typeof input === 'object' && input !== null && 'exchange' in input ? input.exchange : undefined
  if (typeof exchange !== 'string') return {}
  const instruments = await context.database.withApp(tx => listInstruments(tx, exchange), { readOnly: true })
  if (instruments.length === 0) return {}
  const bySymbol = new Map(instruments.map(instrument => [instrument.symbol, instrument]))
  return { instrument: symbol => bySymbol.get(symbol), symbols: [...bySymbol.keys()] }
}

/** Price at which a deal of a pair would begin: its own limit, else the last close. */
async function startPrice(context: ApiContext, config: DcaConfig, instrument: Instrument): Promise<Decimal | null> {
  const { limit } = config.baseOrder
  const own = limit?.mode === 'per_pair' ? limit.prices[instrument.symbol] : undefined
  if (own !== undefined) return Decimal.from(own)
  const last = await context.candles.lastPrice(instrument.id)
  if (last === null || !Decimal.from(last).isPositive()) return null
  const price = Decimal.from(last)
  if (limit?.mode !== 'offset') return price
  const offset = price.plus(price.times(Decimal.from(limit.offsetPct)).percent()).toGrid(instrument.tick, 'floor')
  return offset.isPositive() ? offset : null
}

/** The most that one deal of the bot needs, fees included; null where a price or a balance would have to be known first. */
export async function requiredCapitalOf(context: ApiContext, config: DcaConfig, market: KnownMarket): Promise<Decimal | null> {
  if (config.baseOrder.sizeType === 'balance_pct' || config.averaging?.amount.type === 'balance_pct') return null
  let most: Decimal | null = null
  for (const symbol of config.pairs) {
    const instrument = market.instrument?.(symbol)
    const price = instrument ? await startPrice(context, config, instrument) : null
    if (!instrument || price === null) return null
    const { requiredCapital } = previewLadder({ config, instrument, price, balance: null })
    if (most === null || requiredCapital.gt(most)) most = requiredCapital
  }
  return most
}

export function conflictsOf(
  config: DcaConfig,
  market: KnownMarket,
  requiredCapital: Decimal | null,
  balance?: string,
): Conflict[] {
  const fees = config.pairs.flatMap(symbol => market.instrument?.(symbol)?.takerBps ?? [])
  const feeBps = fees.length === 0 ? undefined : fees.reduce((most, fee) => (fee.gt(most) ? fee : most))
  return findConflicts(config, {
    ...(feeBps === undefined ? {} : { feeBps: feeBps.toString() }),
    ...(requiredCapital === null ? {} : { requiredCapital: requiredCapital.toString() }),
    ...(balance === undefined ? {} : { balance }),
  })
}
