// evenkeel replay: a recorded run through the engine once more, compared with its journal entry by entry. Looks and never writes.

import { recordedRun, replayDeps } from '../app/recorded-run.ts'
import { type ReplayDifference, type ReplayReport, replayRun } from '../runs/replay-run.ts'
import { findRunHead, recordedRunsOf } from '../storage/parity-queries.ts'
import { openVerbDatabase } from './database.ts'
import { differing } from './differing.ts'
import { CliError, EXIT, integerOption, UsageError, type Verb, type VerbContext } from './verb.ts'

export const verb: Verb = {
  name: 'replay',
  summary: 'run a recorded run through the engine again and compare every decision',
  usage: 'RUN [--from-seq N]',
  details: `The same candles, versions of the configuration and commands go through the engine; every entry of the run's journal, the hash
of its state after each transaction and the journal's own hash chain are compared. Of the first difference the places that differ are
shown with both sides; --json has both entries whole.
Exit code 0: equal. 5: not equal, or the journal was changed. 1: it cannot be replayed, and the reason says why (candles that were
deleted, another engine version); that says nothing about the run.`,
  options: {
    'from-seq': {
      type: 'string',
      value: 'N',
      help: 'compare from this journal entry on; what is before is replayed all the same',
    },
  },
  run,
}

async function run(context: VerbContext): Promise<number> {
  const [runId, ...rest] = context.args
  if (runId === undefined) throw new UsageError('run', undefined, 'name the run: evenkeel replay RUN')
  if (rest.length > 0) throw new UsageError('run', rest[0], 'give one run')
  const fromSeq = integerOption(context, 'from-seq', 1, Number.MAX_SAFE_INTEGER)
  const database = await openVerbDatabase(context)
  try {
    const head = await findRunHead(database, runId)
    if (!head) throw new CliError(EXIT.failed, 'NOT_FOUND', await notFound(runId, () => recordedRunsOf(database, runId)))
    if (head.mode === 'backtest')
      throw new CliError(EXIT.failed, 'CAPABILITY_MISSING', 'a backtest keeps no journal: run it again instead')
    const recorded = await recordedRun(database, head)
    // Nothing compared would look like everything equal.
    if (fromSeq !== undefined && fromSeq > recorded.lastSeq)
      throw new UsageError('--from-seq', fromSeq, `the journal of this run ends at ${recorded.lastSeq}`)
    const progress = context.out.progress('replay', recorded.lastSeq)
    const report = await replayRun(recorded, replayDeps(database), {
      ...(fromSeq === undefined ? {} : { fromSeq }),
      signal: context.signal,
      onProgress: seq => progress(seq),
    })
    context.out.result({ schemaVersion: 1, kind: 'replay', ...report }, () => lines(report))
    return report.verdict === 'equal' ? EXIT.ok : report.verdict === 'unequal' ? EXIT.verification : EXIT.failed
  } catch (error) {
    if (context.signal.aborted) return EXIT.cancelled
    throw error
  } finally {
    await database.close()
  }
}

async function notFound(id: string, runsOf: () => Promise<{ runId: string; status: string }[]>): Promise<string> {
  const runs = await runsOf()
  return runs.length === 0
    ? `there is no run ${id}`
    : `${id} is a bot: name one of its runs, the latest is ${runs[0]!.runId} (${runs[0]!.status})`
}

const PLACES_SHOWN = 10
const LONGEST_SHOWN = 300

const WHAT: Record<ReplayDifference['what'], string> = {
  entry: 'the replay does otherwise than the journal says',
  state: 'the replay ends the transaction in another state than was recorded',
  chain: "the journal's hash chain is broken",
}

function lines(report: ReplayReport): string[] {
  const { verdict, reason, first, chain, entries, compared, states } = report
  const head = `run ${report.runId} of bot ${report.botId}: ${entries} journal entries`
  const chainLine =
    chain.brokenAtSeq === null ? 'hash chain: unbroken' : `hash chain: BROKEN at entry ${chain.brokenAtSeq}: ${chain.reason}`
  if (verdict === 'equal') return [head, chainLine, `equal: ${compared} entries and ${states} states are the same`]
  if (verdict === 'impossible') return [head, chainLine, `cannot be replayed: ${reason}`]
  const sides = first && first.what !== 'chain' ? sidesOf(first) : [`  ${String(first?.recorded)}`]
  return [
    head,
    chainLine,
    `NOT EQUAL at entry ${first?.seq}: ${first ? WHAT[first.what] : ''}`,
    ...sides,
    `${compared} entries before it are the same`,
  ]
}

/** The places that differ; what an entry says at all where the other side has none. */
function sidesOf({ recorded, replayed }: ReplayDifference): string[] {
  const found = differing(recorded, replayed)
  const more = found.length - PLACES_SHOWN
  return [
    ...found
      .slice(0, PLACES_SHOWN)
      .flatMap(({ path, left, right }) => [
        ...(path === '' ? [] : [`  ${path}`]),
        `    recorded  ${textOf(left)}`,
        `    replayed  ${textOf(right)}`,
      ]),
    ...(more > 0 ? [`  and ${more} more places; --json shows both entries whole`] : []),
  ]
}

function textOf(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}... (whole with --json)` : text
}
