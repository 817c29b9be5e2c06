// Writes one instant of a run: journal, decisions, orders, fills, ledger, deals, positions, funds, events, totals and state in ONE
// transaction and one round trip. It commits only under the run's lease and only as the next link of the journal's hash chain;
// a commit whose answer was lost is recognised when it is tried again, never written twice.

import { hash as digest } from 'node:crypto'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'
import type { Database } from './database.ts'
import { isConnectionError, StorageError, sqlState } from './errors.ts'
import type { PipelineStatement } from './pipeline.ts'
import {
  decisionRows,
  equityRows,
  eventRows,
  fillRows,
  ledgerRows,
  metricsRows,
  orderRows,
  positionRows,
  type RowContext,
  type RunContext,
  tradeRows,
} from './run-commit-rows.ts'
import { statement } from './run-commit-sql.ts'
import { timeOf, timeOrNull } from './sql-types.ts'

export type { RunContext, RunInstrument } from './run-commit-rows.ts'

/** What the first journal row of a run is chained to. */
export const GENESIS_HASH = '0'.repeat(64)
/** Totals of a run are written at each closed deal, at every change of status, and otherwise this often. */
const TOTALS_EVERY_MS = 60_000
const HEARTBEAT_EVERY_MS = 10_000

export interface JournalTail {
  readonly seq: number
  readonly hash: string
}

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
  /** @throws LEASE_LOST, JOURNAL_GAP, DATABASE_UNAVAILABLE; nothing was written, or it is in doubt and the same batch may be tried again. */
  commit(batch: CommitBatch): Promise<CommitResult>
  tail(): JournalTail
}

export function journalHash(previous: string, canonicalEntry: string): string {
  return digest('sha256', `${previous}\n${canonicalEntry}`)
}

export function stateHashOf(canonicalState: string): string {
  return digest('sha256', canonicalState)
}

/** The text that is hashed and chained. */
export function canonicalEntry(seq: number, atMs: number, kind: string, payload: unknown): string {
  return canonicalJson({ atMs, kind, payload, seq })
}

interface ChainedJournal {
  /** JSON array for the insert. */
  readonly json: string
  readonly tail: JournalTail
}

function chainJournal(batch: CommitBatch, before: JournalTail, stateHash: string): ChainedJournal {
  const expected = batch.lastSeq - batch.firstSeq + 1
  if (batch.journal.length !== expected || batch.journal.some((entry, i) => entry.seq !== batch.firstSeq + i)) {
    throw new StorageError(
      'JOURNAL_GAP',
      `The batch names seq ${batch.firstSeq} to ${batch.lastSeq}, its journal has other entries`,
    )
  }
  if (batch.firstSeq !== before.seq + 1) {
    throw new StorageError('JOURNAL_GAP', `The journal ends at ${before.seq}, the batch begins at ${batch.firstSeq}`)
  }
  let hash = before.hash
  const rows = batch.journal.map((entry, i) => {
    const previous = hash
    const payload = entry.payload ?? null
    hash = journalHash(previous, canonicalEntry(entry.seq, entry.atMs, entry.kind, payload))
    return {
      seq: entry.seq,
      at: timeOf(entry.atMs),
      kind: entry.kind,
      payload,
      state_hash: i === batch.journal.length - 1 ? stateHash : null,
      prev_hash: previous,
      hash,
    }
  })
  return { json: JSON.stringify(rows), tail: { seq: batch.lastSeq, hash } }
}

/** Coins outside of deals, by currency, as the engine's state has them. */
function keptCoins(state: unknown): object {
  return (state as { engine?: { dust?: object } } | null)?.engine?.dust ?? {}
}

function storageError(error: unknown): unknown {
  const state = sqlState(error)
  const message = error instanceof Error ? error.message : String(error)
  if (state === 'EK001') return new StorageError('LEASE_LOST', message, { cause: error })
  if (state === 'EK002') return new StorageError('JOURNAL_GAP', message, { cause: error })
  return error
}

function isInDoubt(error: unknown): boolean {
  return isConnectionError(error) || (error instanceof StorageError && error.code === 'DATABASE_UNAVAILABLE')
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
  const scope = context.leaseToken === null ? null : `bot:${context.botId}`
  let tail = start
  let inDoubt = false
  let lastTotals = { closed: -1, atMs: 0, status: '', heartbeatMs: 0 }
  let lastBot = ''

  const resolveDoubt = async (batch: CommitBatch): Promise<CommitResult | null> => {
    const found = await readTail(db, context)
    inDoubt = false
    if (found.seq === tail.seq && found.hash === tail.hash) return null
    const chained = chainJournal(batch, tail, '')
    if (found.seq === chained.tail.seq && found.hash === chained.tail.hash) {
      tail = found
      return { written: false, tail }
    }
    throw new StorageError('JOURNAL_GAP', `Run ${context.runId} ends at ${found.seq}, another writer has continued it`)
  }

  const statements = (batch: CommitBatch): { list: PipelineStatement[]; after: () => void } => {
    const { userId, botId, runId, mode, exchange } = context
    for (const trade of batch.trades) context.botTradeSeqs.set(trade.tradeSeq, trade.botTradeSeq)
    const state = canonicalJson(batch.state ?? null)
    const journal = chainJournal(batch, tail, stateHashOf(state))
    const list: PipelineStatement[] = [
      statement('assert', [scope, context.leaseToken, runId, tail.seq, tail.hash]),
      statement('journal', [runId, userId, journal.json]),
    ]
    const add = (name: Parameters<typeof statement>[0], rows: readonly object[], ...values: (string | number | null)[]): void => {
      if (rows.length > 0) list.push(statement(name, [...values, JSON.stringify(rows)]))
    }
    add('trades', tradeRows(context, batch), botId, runId, mode, userId)
    add('positions', positionRows(context, batch), botId, runId, mode, exchange, userId)
    add('orders', orderRows(context, batch), botId, runId, mode, exchange, userId)
    add('fills', fillRows(context, batch), mode, userId)
    const ledger = ledgerRows(context, batch.transfers)
    add('accounts', ledger.accounts, mode, exchange, userId)
    add('transfers', ledger.transfers, batch.lastSeq, userId)
    add('funds', batch.funds, mode, exchange, botId, userId)
    add('decisions', decisionRows(context, batch), botId, runId, userId)
    add('events', eventRows(context, batch), botId, runId, userId)
    add('equity', equityRows(batch), mode, exchange, botId, runId, userId)
    add('metrics', metricsRows(batch), botId, runId, userId)
    if (batch.transfers.some(transfer => transfer.debit === 'bot_dust' || transfer.credit === 'bot_dust')) {
      list.push(
        statement('holdings', [botId, mode, exchange, userId, String(tail.seq > 0), JSON.stringify(keptCoins(batch.state))]),
      )
    }
    list.push(statement('state', [botId, mode, state, userId]))

    const { totals } = batch
    const now = Date.now()
    const due =
      totals.totalTrades !== lastTotals.closed || totals.status !== lastTotals.status || now - lastTotals.atMs >= TOTALS_EVERY_MS
    if (due) {
      list.push(
        statement('run', [
          runId,
          totals.status,
          timeOrNull(totals.endedAtMs),
          totals.totalTrades,
          totals.totalPnl,
          totals.maxDrawdown,
          totals.sharpeRatio,
          totals.tradesHash,
        ]),
      )
    }
    const beat = due || now - lastTotals.heartbeatMs >= HEARTBEAT_EVERY_MS
    if (beat) {
      const observed = totals.status === 'running' ? 'running' : totals.status === 'error' ? 'error' : 'stopped'
      list.push(statement('instance', [botId, observed, totals.currentBalance, totals.totalPnl]))
    }
    const ended = totals.status !== 'running'
    const bot = JSON.stringify([batch.botStatus, batch.pausedBy, ended])
    if (bot !== lastBot) list.push(statement('bot', [botId, batch.botStatus, JSON.stringify(batch.pausedBy), String(ended)]))
    list.push(statement('notify', [JSON.stringify({ userId, botId, runId, seq: batch.lastSeq })]))
    return {
      list,
      after: () => {
        tail = journal.tail
        lastBot = bot
        lastTotals = {
          closed: totals.totalTrades,
          status: totals.status,
          atMs: due ? now : lastTotals.atMs,
          heartbeatMs: beat ? now : lastTotals.heartbeatMs,
        }
      },
    }
  }

  return {
    tail: () => tail,
    commit: async batch => {
      if (inDoubt) {
        const settled = await resolveDoubt(batch)
        if (settled) return settled
      }
      const { list, after } = statements(batch)
      try {
        await db.pipelineTenant(context.userId, list)
      } catch (error) {
        // The answer to a commit can be lost after it took effect: what became of it is read before anything is tried again.
        if (isInDoubt(error)) inDoubt = true
        lastBot = ''
        throw storageError(error)
      }
      after()
      return { written: true, tail }
    },
  }
}

/** One commit without a writer of its own: reads the journal's end first. */
export async function commitBatch(db: Database, context: RunContext, batch: CommitBatch): Promise<CommitResult> {
  const writer = await openRunWriter(db, context)
  return writer.commit(batch)
}
