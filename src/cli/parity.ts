// evenkeel parity: how the closed deals of a bot or of one run compare with their simulation. Deals that have no report yet get it first.

import { parityDeals } from '../app/parity.ts'
import { Decimal } from '../core/money/decimal.ts'
import { PARITY_PARTS, type ParityTotals, parityTotals } from '../core/parity/attribute.ts'
import { findRunHead, recordedRunsOf } from '../storage/parity-queries.ts'
import { dealsWaiting, type ParityLine, parityLines } from '../storage/parity-store.ts'
import { openVerbDatabase } from './database.ts'
import { shortDecimal, textTable } from './table.ts'
import { CliError, EXIT, UsageError, type Verb, type VerbContext } from './verb.ts'

export const verb: Verb = {
  name: 'parity',
  summary: 'compare closed deals with their simulation, and say where a difference comes from',
  usage: 'BOT|RUN',
  details: `Each closed paper deal is simulated over the stored candles from the decision that opened it; the difference of the two net results is
split into missed or extra decisions, quantity, latency and slippage of entry and exit, fees, funding and path. The parts add up to the
difference to the last digit. A running server makes these reports by itself; what is missing is made here first.`,
  options: {},
  run,
}

const CHUNK = 100

async function run(context: VerbContext): Promise<number> {
  const [name, ...rest] = context.args
  if (name === undefined) throw new UsageError('bot', undefined, 'name a bot or a run: evenkeel parity BOT')
  if (rest.length > 0) throw new UsageError('bot', rest[0], 'give one bot or one run')
  const database = await openVerbDatabase(context)
  try {
    const head = await findRunHead(database, name)
    const runIds = head ? [head.runId] : (await recordedRunsOf(database, name)).map(each => each.runId)
    if (runIds.length === 0) throw new CliError(EXIT.failed, 'NOT_FOUND', `there is no bot or run ${name} with deals on paper`)
    const deals = parityDeals({ database, now: Date.now })
    for (const runId of runIds) {
      for (
        let due = await deals.due(runId, CHUNK);
        due.length > 0;
        due = due.length < CHUNK ? [] : await deals.due(runId, CHUNK)
      ) {
        const progress = context.out.progress('simulating', due.length)
        for (const [i, deal] of due.entries()) {
          await deals.report(deal, context.signal)
          progress(i + 1)
        }
      }
    }
    const lines = await parityLines(database, runIds)
    const compared = lines.filter(line => line.status === 'compared')
    const totals = parityTotals(
      compared.map(line => ({
        isMatched: line.matched,
        difference: Decimal.from(line.difference ?? '0'),
        entryValue: Decimal.from(line.entryValue ?? '0'),
      })),
    )
    const unavailable = lines.length - compared.length
    const waiting = await dealsWaiting(database, runIds)
    context.out.result({ schemaVersion: 1, kind: 'parity', ...totals, unavailable, waiting, deals: lines }, () => [
      ...(lines.length > 0 ? text(lines, totals) : waiting > 0 ? [] : ['No deal has closed yet.']),
      ...(waiting > 0
        ? [
            `${waiting} closed deals wait for their comparison: it is made when their run, which is fed as fast as possible, has ended.`,
          ]
        : []),
    ])
    return EXIT.ok
  } catch (error) {
    if (context.signal.aborted) return EXIT.cancelled
    throw error
  } finally {
    await database.close()
  }
}

const HEADS: Record<(typeof PARITY_PARTS)[number], string> = {
  decisions: 'decisions',
  quantity: 'quantity',
  entryLatency: 'entry late',
  entrySlippage: 'entry slip',
  exitLatency: 'exit late',
  exitSlippage: 'exit slip',
  fees: 'fees',
  funding: 'funding',
  path: 'path',
}

function text(lines: readonly ParityLine[], totals: ParityTotals): string[] {
  const compared = lines.filter(line => line.status === 'compared')
  // Parts that say nothing in any deal need no column.
  const told = PARITY_PARTS.filter(part => compared.some(line => !Decimal.from(line.parts[part] ?? '0').isZero()))
  const rows = compared.map(line => [
    String(line.tradeSeq),
    line.symbol,
    line.exitTime?.slice(0, 16).replace('T', ' ') ?? '-',
    shortDecimal(line.netPnl ?? '0', 4),
    shortDecimal(line.simulatedPnl ?? '0', 4),
    shortDecimal(line.difference ?? '0', 6),
    ...told.map(part => shortDecimal(line.parts[part] ?? '0', 6)),
    line.matched ? '' : (line.cause ?? ''),
  ])
  const unavailable = lines.filter(line => line.status === 'unavailable')
  return [
    ...textTable(
      ['deal', 'pair', 'closed (UTC)', 'net', 'simulated', 'difference', ...told.map(part => HEADS[part]), 'cause'],
      rows,
    ),
    '',
    `${totals.matched} of ${totals.union} deals were traded by the same decisions`,
    `sum of the differences without sign ${totals.deviation}${totals.deviationBps === null ? '' : `, ${totals.deviationBps} bps of what entering cost`}`,
    ...unavailable.map(line => `deal ${line.tradeSeq} could not be simulated: ${line.reason}`),
  ]
}
