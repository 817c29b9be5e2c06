// evenkeel ladder: what a deal that starts at a price would order, row by row, and the capital it needs.

import { findConflicts } from '../contract/dca-conflicts.ts'
import { type Preview, previewLadder } from '../core/dca/preview.ts'
import { instrumentRules } from '../core/market/instrument.ts'
import type { Decimal } from '../core/money/decimal.ts'
import { decimalOption, parseBot, RULE_OPTIONS, RuleBook, readBotInput } from './bot-file.ts'
import { shortDecimal, textTable } from './table.ts'
import { CliError, EXIT, suggestion, textOption, UsageError, type Verb, type VerbContext } from './verb.ts'

export const verb: Verb = {
  name: 'ladder',
  summary: 'preview the safety orders of a bot at a price',
  usage: '--config bot.json --price P [--symbol S] [--balance B] [options]',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the bot: JSON as the API takes it' },
    price: { type: 'string', value: 'P', help: 'price at which the base order is assumed to fill' },
    symbol: { type: 'string', value: 'PAIR', help: "which of the bot's pairs (default the first)" },
    balance: { type: 'string', value: 'QUOTE', help: 'free balance: what balance percentages are of' },
    ...RULE_OPTIONS,
  },
  blocking: true,
  run,
}

async function run(context: VerbContext): Promise<number> {
  const price = decimalOption(context, 'price', 0)
  if (!price) throw new UsageError('--price', undefined, 'give the price of the base order: --price 50000')
  const balance = decimalOption(context, 'balance') ?? null
  const ruleBook = await RuleBook.fromOptions(context)
  const input = await readBotInput(context)
  const { config: draft } = parseBot(input)
  const symbol = textOption(context, 'symbol') ?? draft.pairs[0]!
  if (!draft.pairs.includes(symbol)) {
    const message = `the bot does not trade ${symbol}: ${suggestion(symbol, draft.pairs)}its pairs are ${draft.pairs.join(', ')}`
    throw new CliError(EXIT.usage, 'UNKNOWN_SYMBOL', message, [{ path: '--symbol', code: 'UNKNOWN_SYMBOL', message }])
  }
  const { config } = parseBot(input, each => ruleBook.instrument(draft.exchange, each))
  const instrument = ruleBook.instrument(config.exchange, symbol)
  const preview = previewLadder({ config, instrument, price, balance })
  const conflicts = findConflicts(config, {
    feeBps: instrument.takerBps.toString(),
    requiredCapital: preview.requiredCapital.toString(),
    ...(balance ? { balance: balance.toString() } : {}),
  })
  const { rows, ...footer } = preview
  const document = {
    schemaVersion: 1,
    kind: 'ladder',
    symbol,
    price,
    instrument: instrumentRules(instrument),
    rows,
    ...footer,
    conflicts,
  }
  context.out.result(document, () => lines(preview, symbol, price))
  for (const { code, message } of conflicts) context.out.note(`warning ${code}: ${message}`)
  return EXIT.ok
}

function lines(preview: Preview, symbol: string, price: Decimal): string[] {
  const text = (value: Decimal | null, places: number): string => (value === null ? '-' : shortDecimal(value.toString(), places))
  const head = [
    'order',
    'deviation %',
    'price',
    'quantity',
    'value',
    'sum',
    'average',
    'target',
    'needs %',
    'stop',
    'where',
    'flags',
  ]
  const rows = preview.rows.map(row => [
    row.rung === 0 ? 'base' : String(row.rung),
    text(row.deviationPct, 4),
    text(row.price, 8),
    text(row.base, 8),
    text(row.quote, 2),
    text(row.cumQuote, 2),
    text(row.average, 4),
    text(row.tpPrice, 8),
    text(row.requiredChangePct, 2),
    text(row.stopPrice, 8),
    row.placement,
    row.flags.join(' '),
  ])
  return [
    `${symbol} from ${price}`,
    ...textTable(head, rows),
    '',
    `required capital ${preview.requiredCapital}, locked per deal ${preview.lock}, deepest order ${text(preview.maxDeviationPct, 4)} % below`,
    ...(preview.balancePct ? [`all deals together take ${text(preview.balancePct, 2)} % of the balance`] : []),
    ...(preview.lossAtStop ? [`loss if the stop fires after the last order ${text(preview.lossAtStop, 2)}`] : []),
  ]
}
