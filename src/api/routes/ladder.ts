// The ladder preview: the orders of a deal at a price, before it starts.

import { parseLadderPreview } from '../../contract/bot-body.ts'
import type { LadderPreview } from '../../contract/ladder.ts'
import { type Preview, type PreviewRow, previewLadder } from '../../core/dca/preview.ts'
import { defaultRules, instrumentFromRules } from '../../core/market/instrument.ts'
import { Decimal } from '../../core/money/decimal.ts'
import { validationError } from '../api-error.ts'
import { conflictsOf, marketOf } from '../bot-config.ts'
import type { Handler } from '../http.ts'

/** Places a preview shows of what is no price: averages and percents. Prices and quantities lie on their grids already. */
const AVERAGE_PLACES = 2
const PERCENT_PLACES = 2
/** Deviations of rules that depend on fills are no short numbers. */
const DEVIATION_PLACES = 8

function places(tick: Decimal): number {
  const text = tick.toString()
  return text.includes('.') ? text.length - text.indexOf('.') - 1 : 0
}

const text = (value: Decimal): string => value.toString()
const textOrNull = (value: Decimal | null): string | null => value?.toString() ?? null
const percent = (value: Decimal): string => value.round(PERCENT_PLACES, 'half_even').toString()

function rowOf(row: PreviewRow, averagePlaces: number): LadderPreview['rows'][number] {
  return {
    rung: row.rung,
    deviationPct: text(row.deviationPct.round(DEVIATION_PLACES, 'half_even')),
    price: text(row.price),
    base: text(row.base),
    quote: text(row.quote),
    cumBase: text(row.cumBase),
    cumQuote: text(row.cumQuote),
    average: text(row.average.round(averagePlaces, 'half_even')),
    tpPrice: textOrNull(row.tpPrice),
    requiredChangePct: row.requiredChangePct === null ? null : percent(row.requiredChangePct),
    stopPrice: textOrNull(row.stopPrice),
    placement: row.placement,
    flags: [...row.flags],
  }
}

export function previewBody(preview: Preview, tick: Decimal): Omit<LadderPreview, 'symbol' | 'conflicts'> {
  const averagePlaces = Math.max(AVERAGE_PLACES, places(tick))
  return {
    rows: preview.rows.map(row => rowOf(row, averagePlaces)),
    requiredCapital: text(preview.requiredCapital),
    lock: text(preview.lock),
    maxDeviationPct: text(preview.maxDeviationPct.round(DEVIATION_PLACES, 'half_even')),
    balancePct: preview.balancePct === null ? null : percent(preview.balancePct),
    lossAtStop: textOrNull(preview.lossAtStop),
  }
}

export const previewLadderRoute: Handler<'previewLadder'> = async ({ context, body }) => {
  const given: unknown = body
  const config = typeof given === 'object' && given !== null && 'config' in given ? given.config : undefined
  const market = await marketOf(context, config)
  const parsed = parseLadderPreview(body, market)
  if (!parsed.ok) throw validationError(parsed.findings)
  const { symbol, price, balance } = parsed.value
  // Where nobody knows the venue's rules yet, the usual ones are assumed, as a backtest does.
  const instrument = market.instrument?.(symbol) ?? instrumentFromRules(defaultRules(parsed.value.config.exchange, symbol))
  const preview = previewLadder({
    config: parsed.value.config,
    instrument,
    price: Decimal.from(price),
    balance: balance === null ? null : Decimal.from(balance),
  })
  return {
    symbol,
    ...previewBody(preview, instrument.tick),
    conflicts: conflictsOf(parsed.value.config, market, preview.requiredCapital, balance ?? undefined),
  }
}
