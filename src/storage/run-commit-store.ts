// Writes one instant of a run: journal, decisions, orders, fills, ledger, deals, positions, funds, events, totals and state in ONE
// transaction and one round trip. It commits only under the run's lease and only as the next link of the journal's hash chain;
// a commit whose answer was lost is recognised when it is tried again, never written twice.

import { canonicalJson } from '../core/hash/canonical-json.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'
import { announceRun } from './announce.ts'
import type { Database } from './database.ts'
import { isAway, StorageError, sqlState } from './errors.ts'
import type { RowContext, RunContext } from './run-commit-rows.ts'
import { chainJournal, GENESIS_HASH, type JournalTail, RunStatements, stateHashOf } from './run-commit-statements.ts'

export type { RunContext, RunInstrument } from './run-commit-rows.ts'
export { canonicalEntry, GENESIS_HASH, type JournalTail, journalHash, stateHashOf } from './run-commit-statements.ts'

export interface CommitResult {
  /** False when this very batch had already been committed and only its answer was lost. */
  readonly written: boolean
  readonly tail: JournalTail
}

export interface RunState {
  /** As the engine's last batch gave it; null before the first commit. */
  readonly state: unknown
  readonly tail: JournalTail
  readonly runStatus: string
  /** The bot's counter for the next deal. */
  readonly nextBotTradeSeq: number
}

export interface RunWriter {
  /** @throws LEASE_LOST, JOURNAL_GAP, DATABASE_UNAVAILABLE, DISK_FULL; nothing was written, or it is in doubt and the same batch may be tried again. */
  commit(batch: CommitBatch): Promise<CommitResult>
  tail(): JournalTail
}

function storageError(error: unknown): unknown {
  const state = sqlState(error)
  const message = error instanceof Error ? error.message : String(error)
  if (state === 'EK001') return new StorageError('LEASE_LOST', message, { cause: error })
  if (state === 'EK002') return new StorageError('JOURNAL_GAP', message, { cause: error })
  return error
}

async function readTail(db: Database, context: RunContext): Promise<JournalTail> {
  return db.withTenant(
    context.userId,
    async tx => {
      const row = await tx.one<{ seq: number; hash: string }>(
        'select seq, hash from journal where run_id = $1 order by seq desc limit 1',
        [context.runId],
      )
      return row ?? { seq: 0, hash: GENESIS_HASH }
    },
    { readOnly: true },
  )
}

/**
 * What a run continues from.
 * @throws NOT_FOUND for a run that is not this tenant's; STATE_DAMAGED when the state is not the one its journal ended with.
 */
export async function loadRunState(db: Database, context: RunContext): Promise<RunState> {
  return db.withTenant(
    context.userId,
    async tx => {
      const run = await tx.one<{ status: string }>('select status from bot_runs where run_id = $1 and bot_id = $2', [
        context.runId,
        context.botId,
      ])
      if (!run) throw new StorageError('NOT_FOUND', `There is no run ${context.runId} of bot ${context.botId}`)
      const tail = await tx.one<{ seq: number; hash: string; state_hash: string | null }>(
        'select seq, hash, state_hash from journal where run_id = $1 order by seq desc limit 1',
        [context.runId],
      )
      const seq = await tx.one<{ last: number | null }>(
        `select max(trade_seq) as last from trades where bot_id = $1 and parent_trade_id is null
         and trade_type in ('paper', 'live')`,
        [context.botId],
      )
      const nextBotTradeSeq = (seq?.last ?? 0) + 1
      if (!tail) return { state: null, tail: { seq: 0, hash: GENESIS_HASH }, runStatus: run.status, nextBotTradeSeq }
      const saved = await tx.one<{ state: unknown }>(
        `select state from bot_state where bot_id = $1 and mode = $2 and scope = 'bot'`,
        [context.botId, context.mode],
      )
      if (!saved || (tail.state_hash !== null && stateHashOf(canonicalJson(saved.state)) !== tail.state_hash)) {
        throw new StorageError('STATE_DAMAGED', `The state of bot ${context.botId} is not the one its journal ended with`, {
          remedy: 'The bot is held; its journal can rebuild the state (evenkeel replay)',
        })
      }
      return { state: saved.state, tail: { seq: tail.seq, hash: tail.hash }, runStatus: run.status, nextBotTradeSeq }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

/** Opens the single writer of a run. It remembers the journal's end; the database checks it at every commit. */
export async function openRunWriter(db: Database, context: RunContext, known?: JournalTail): Promise<RunWriter> {
  const { interval, deals } = await db.withTenant(
    context.userId,
    async tx => {
      const bot = await tx.one<{ interval: string }>('select interval from bots where bot_id = $1', [context.botId])
      if (!bot) throw new StorageError('NOT_FOUND', `There is no bot ${context.botId}`)
      const { rows } = await tx.query<{ trade_seq: number; ordinal: number | null }>(
        `select trade_seq, (extra_metadata ->> 'tradeSeq')::integer as ordinal from trades
         where run_id = $1 and parent_trade_id is null`,
        [context.runId],
      )
      return { interval: bot.interval, deals: rows }
    },
    { readOnly: true },
  )
  const rowContext: RowContext = {
    ...context,
    interval,
    botTradeSeqs: new Map(deals.map(row => [row.ordinal ?? row.trade_seq, row.trade_seq])),
  }
  return createWriter(db, rowContext, known ?? (await readTail(db, context)))
}

function createWriter(db: Database, context: RowContext, start: JournalTail): RunWriter {
  const statements = new RunStatements(context, start, context.leaseToken === null ? null : `bot:${context.botId}`)
  let inDoubt = false

  const resolveDoubt = async (batch: CommitBatch): Promise<CommitResult | null> => {
    const found = await readTail(db, context)
    inDoubt = false
    const { tail } = statements
    if (found.seq === tail.seq && found.hash === tail.hash) return null
    const chained = chainJournal(batch, tail, '')
    if (found.seq === chained.tail.seq && found.hash === chained.tail.hash) {
      statements.moveTo(found)
      return { written: false, tail: found }
    }
    throw new StorageError('JOURNAL_GAP', `Run ${context.runId} ends at ${found.seq}, another writer has continued it`)
  }

  return {
    tail: () => statements.tail,
    commit: async batch => {
      if (inDoubt) {
        const settled = await resolveDoubt(batch)
        if (settled) return settled
      }
      const { list, taken } = statements.of(batch)
      try {
        await db.pipelineTenant(context.userId, list)
      } catch (error) {
        // The answer to a commit can be lost after it took effect: what became of it is read before anything is tried again.
        if (isAway(error)) inDoubt = true
        statements.forgetStatus()
        throw storageError(error)
      }
      taken()
      announceRun(db, statements.news())
      return { written: true, tail: statements.tail }
    },
  }
}

/** One commit without a writer of its own: reads the journal's end first. */
export async function commitBatch(db: Database, context: RunContext, batch: CommitBatch): Promise<CommitResult> {
  const writer = await openRunWriter(db, context)
  return writer.commit(batch)
}
