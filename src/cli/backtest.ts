// evenkeel backtest: a bot over candles, by the very machine that trades on paper and live.

import { type BacktestReport, backtestReport, reportJson } from '../backtest/report.ts'
import { runBacktest } from '../backtest/run-backtest.ts'
import { findConflicts } from '../contract/dca-conflicts.ts'
import { previewLadder } from '../core/dca/preview.ts'
import { findGaps } from '../core/market/gaps.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import { decisionTimeframe } from '../engine/dca/playbooks.ts'
import { symbolsOf } from '../engine/dca/prepare.ts'
import { candlesFromFiles, candlesFromStore, candlesOfDemo, hashOfAll, type LoadedCandles } from './backtest-candles.ts'
import { VENUE_OPTIONS, venueFrom } from './backtest-venue.ts'
import { type BotFile, decimalOption, parseBot, RULE_OPTIONS, RuleBook, readBotInput } from './bot-file.ts'
import { shortDecimal, textTable } from './table.ts'
import {
  CliError,
  EXIT,
  flagOption,
  instantOption,
  textOption,
  textOptions,
  UsageError,
  type Verb,
  type VerbContext,
} from './verb.ts'

export const verb: Verb = {
  name: 'backtest',
  summary: 'run a bot over candles: trades, metrics, equity and a hash that names the result',
  usage: '--config bot.json [--candles [SYMBOL=]FILE... | --exchange X] [options]',
  details: `With --candles no database is needed. --exchange demo computes the demo market's candles; any other exchange, by default the
bot's own, reads what evenkeel candles import has stored. Candles before --from warm the indicators up.
The same inputs give the same tradesHash, whether the run steps through every candle or skips those that cannot matter.`,
  options: {
    config: { type: 'string', value: 'FILE', help: 'the bot: JSON as the API takes it' },
    candles: {
      type: 'string',
      multiple: true,
      value: '[SYMBOL=]FILE',
      help: 'CSV, CSV.gz, exchange klines or freqtrade JSON; repeatable',
    },
    exchange: { type: 'string', value: 'NAME', help: "take stored candles and rules of this exchange (default: the bot's)" },
    from: { type: 'string', value: 'TIME', help: 'first instant that trades: a date, an ISO time or epoch ms' },
    to: { type: 'string', value: 'TIME', help: 'candles that open at or after this are not traded' },
    capital: { type: 'string', value: 'QUOTE', help: 'what the bot starts with (default 10000)' },
    ...RULE_OPTIONS,
    ...VENUE_OPTIONS,
    step: { type: 'boolean', help: 'step through every candle' },
    skip: { type: 'boolean', help: 'skip candles that cannot wake the bot (the default; same result)' },
  },
  blocking: true,
  run,
}

async function run(context: VerbContext): Promise<number> {
  const skip = !flagOption(context, 'step')
  if (!skip && flagOption(context, 'skip')) throw new UsageError('--skip', true, 'choose one of --step and --skip')
  const specs = textOptions(context, 'candles')
  const files = specs.length > 0 ? [...specs, ...context.args] : []
  if (specs.length === 0 && context.args.length > 0)
    throw new UsageError('argument', context.args[0], 'name candle files after --candles')
  const exchange = textOption(context, 'exchange')
  if (files.length > 0 && exchange !== undefined)
    throw new UsageError('--exchange', exchange, 'choose one of --candles and --exchange')
  const fromMs = instantOption(context, 'from')
  const toMs = instantOption(context, 'to')
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new UsageError('--to', textOption(context, 'to'), 'it must be after --from')
  const capital = decimalOption(context, 'capital', 0) ?? Decimal.from(10000)
  const venue = venueFrom(context)
  const ruleBook = await RuleBook.fromOptions(context)

  const input = await readBotInput(context)
  // its form first: what it reads says which candles are needed
  const draft = parseBot(input)
  const symbols = symbolsOf(draft.config)
  const range = { fromMs, toMs }
  const from = exchange ?? draft.config.exchange
  const loaded: LoadedCandles =
    files.length > 0
      ? await candlesFromFiles(context, files, symbols)
      : from === 'demo'
        ? await candlesOfDemo(symbols, range, Date.now())
        : await candlesFromStore(context, from, symbols, decisionTimeframe(draft.config), range)
  const instruments = new Map(symbols.map(symbol => [symbol, ruleBook.instrument(from, symbol, loaded.rules.get(symbol))]))
  const bot = parseBot(input, symbol => instruments.get(symbol), symbols)
  for (const [symbol, columns] of loaded.columns) {
    if (columns.length === 0)
      throw new CliError(EXIT.failed, 'INSUFFICIENT_DATA', `there are no candles of ${symbol} in this range`)
  }
  warn(context, bot, loaded, instruments, capital)

  const progress = context.out.progress(
    'backtest',
    [...loaded.columns.values()].reduce((sum, one) => sum + one.length, 0),
  )
  const outcome = runBacktest({
    config: bot.config,
    instruments,
    candles: loaded.columns,
    timeframe: loaded.timeframe,
    capital,
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
    venue,
    skip,
    onProgress: done => progress(done),
  })
  if (!(outcome.lastMs > outcome.firstMs)) {
    throw new CliError(EXIT.failed, 'INSUFFICIENT_DATA', 'no candle lies between --from and --to')
  }
  const hashes = await hashOfAll(loaded.columns)
  const report = backtestReport({
    outcome,
    config: bot.document,
    capital,
    instruments: [...instruments.values()],
    venue,
    skip,
    series: [...loaded.columns].map(([symbol, columns]) => ({
      symbol,
      timeframe: loaded.timeframe,
      hash: hashes.each.get(symbol)!,
      bars: columns.length,
      firstMs: columns.openTimeMs[0]!,
      lastMs: columns.openTimeMs[columns.length - 1]!,
    })),
    dataHash: hashes.all,
    gaps: [...loaded.columns].flatMap(([symbol, columns]) =>
      findGaps(columns, loaded.timeframe).map(gap => ({ symbol, ...gap })),
    ),
  })
  if (context.json) for (const piece of reportJson(report)) context.out.write(piece)
  else for (const line of summary(report, bot.config.pairs)) context.out.line(line)
  return EXIT.ok
}

/** Settings that work against each other do not keep a backtest from running, but nobody should miss them. */
function warn(
  context: VerbContext,
  { config }: BotFile,
  loaded: LoadedCandles,
  instruments: ReadonlyMap<string, Instrument>,
  capital: Decimal,
): void {
  const symbol = config.pairs[0]!
  const instrument = instruments.get(symbol)!
  const price = Decimal.from(loaded.columns.get(symbol)!.open[0]!)
  const preview = previewLadder({ config, instrument, price, balance: capital })
  const conflicts = findConflicts(config, {
    feeBps: instrument.takerBps.toString(),
    requiredCapital: preview.requiredCapital.toString(),
    balance: capital.toString(),
  })
  for (const { code, message } of conflicts) context.out.note(`warning ${code}: ${message}`)
}

function summary(report: BacktestReport, pairs: readonly string[]): string[] {
  const { metrics, run, data } = report
  const [, quote] = pairs[0]!.split('/')
  const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
  const number = (value: number | null, places = 2, unit = ''): string =>
    value === null ? '-' : `${value.toFixed(places)}${unit}`
  const money = (value: string | null): string => (value === null ? '-' : shortDecimal(value))
  const bars = data.series.reduce((sum, one) => sum + one.bars, 0)
  const holes = data.gaps.reduce((sum, gap) => sum + gap.bars, 0)
  const rows: [string, string, string, string][] = [
    [`net PnL (${quote})`, money(metrics.netPnl), 'total return', number(metrics.totalReturn, 2, ' %')],
    [`final equity (${quote})`, money(metrics.finalEquity), 'CAGR', number(metrics.cagrPct, 2, ' %')],
    [
      'max drawdown',
      number(metrics.maxDrawdown, 2, ' %'),
      'Sharpe / Sortino',
      `${number(metrics.sharpeRatio)} / ${number(metrics.sortinoRatio)}`,
    ],
    ['deals', String(metrics.totalTrades), 'win rate', number(metrics.winRate, 1, ' %')],
    [
      'won / lost / even',
      `${metrics.winningTrades} / ${metrics.losingTrades} / ${metrics.breakEvenTrades}`,
      'profit factor',
      number(metrics.profitFactor),
    ],
    [`average win (${quote})`, money(metrics.avgWin), `average loss (${quote})`, money(metrics.avgLoss)],
    [`fees (${quote})`, money(metrics.fees), 'time in the market', number(metrics.exposurePct, 1, ' %')],
  ]
  const table = rows.map(([a, b, c, d]) => `  ${a.padEnd(22)}${b.padStart(14)}    ${c.padEnd(22)}${d.padStart(14)}`)
  return [
    `${pairs.join(', ')}  ${day(run.firstMs)} to ${day(run.lastMs)} UTC, ${bars} ${data.series[0]!.timeframe} candles${holes > 0 ? `, ${holes} missing` : ''}`,
    `capital ${run.capital} ${quote}, path ${run.fillPath}, slippage ${run.slippageBps} bps, volume cap ${run.volumeCapPct} %`,
    ...venueLine(run),
    '',
    ...table,
    ...exits(report),
    ...(metrics.lowSample ? ['', '  fewer than 30 deals: these figures say little'] : []),
    '',
    `tradesHash ${report.tradesHash}`,
  ]
}

/** What makes the venue harder than the usual one. */
function venueLine({ impactBps, latencyMs, cancelLatencyMs, rejectProb, partialProb, seed }: BacktestReport['run']): string[] {
  const range = ({ min, max }: { min: number; max: number }): string => (min === max ? `${min}` : `${min} to ${max}`)
  const parts = [
    impactBps === '0' ? '' : `impact ${impactBps} bps per % of volume`,
    latencyMs.max === 0 ? '' : `orders travel ${range(latencyMs)} ms`,
    cancelLatencyMs.max === 0 ? '' : `cancels ${range(cancelLatencyMs)} ms`,
    rejectProb === 0 ? '' : `${(rejectProb * 100).toFixed(1)} % refused`,
    partialProb === 0 ? '' : `${(partialProb * 100).toFixed(1)} % filled in parts`,
  ].filter(part => part !== '')
  return parts.length === 0 ? [] : [`${parts.join(', ')}, seed ${seed}`]
}

function exits({ trades }: BacktestReport): string[] {
  const byReason = new Map<string, { count: number; net: Decimal }>()
  for (const trade of trades) {
    const sum = byReason.get(trade.exitReason) ?? { count: 0, net: Decimal.from(0) }
    byReason.set(trade.exitReason, { count: sum.count + 1, net: sum.net.plus(Decimal.from(trade.netPnl)) })
  }
  if (byReason.size === 0) return []
  const rows = [...byReason]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([reason, { count, net }]) => [reason, String(count), shortDecimal(net.toString())])
  return ['', ...textTable(['exit', 'deals', 'net PnL'], rows).map(line => `  ${line}`)]
}
