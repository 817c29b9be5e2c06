// What one batch of a run writes, as statements in their order. It remembers the journal's end and what is written only now and then;
// nothing of that moves on before the transaction is known to have taken effect.

import { hash as digest } from 'node:crypto'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'
import type { RunNews } from './announce.ts'
import { StorageError } from './errors.ts'
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
import { type StatementName, statement } from './run-commit-sql.ts'
import { timeOf, timeOrNull } from './sql-types.ts'

/** What the first journal row of a run is chained to. */
export const GENESIS_HASH = '0'.repeat(64)
/** Totals of a run are written at each closed deal, at every change of status, and otherwise this often. */
const TOTALS_EVERY_MS = 60_000
const HEARTBEAT_EVERY_MS = 10_000

export interface JournalTail {
  readonly seq: number
  readonly hash: string
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

/** @throws JOURNAL_GAP where the batch is not the next one after `before`. */
export function chainJournal(batch: CommitBatch, before: JournalTail, stateHash: string): ChainedJournal {
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

export interface BatchStatements {
  readonly list: PipelineStatement[]
  /** Change of each ledger account that belongs to no bot, by currency and kind. */
  readonly accounts: ReturnType<typeof ledgerRows>['accounts']
  /** Once the transaction has taken effect. */
  taken(): void
}

/** How the orders of a batch are written; the default is that of paper. */
export type OrderStatement = (context: RowContext, batch: CommitBatch) => PipelineStatement | null

export class RunStatements {
  readonly context: RowContext
  readonly #scope: string | null
  readonly #orders: OrderStatement
  #tail: JournalTail
  #lastTotals = { closed: -1, atMs: 0, status: '', heartbeatMs: 0 }
  #lastBot = ''

  /** @param scope of the lease that is checked with the context's token; null checks none. */
  constructor(context: RowContext, tail: JournalTail, scope: string | null, orders: OrderStatement = paperOrders) {
    this.context = context
    this.#tail = tail
    this.#scope = scope
    this.#orders = orders
  }

  /** How far the run is, for those who listen. */
  news(): RunNews {
    const { userId, botId, runId } = this.context
    return { userId, botId, runId, seq: this.#tail.seq }
  }

  get tail(): JournalTail {
    return this.#tail
  }

  /** The journal's end, read anew. */
  moveTo(tail: JournalTail): void {
    this.#tail = tail
  }

  /** What the database has of the bot's status is not known any more. */
  forgetStatus(): void {
    this.#lastBot = ''
  }

  /** @throws JOURNAL_GAP. */
  of(batch: CommitBatch): BatchStatements {
    const { context } = this
    const { userId, botId, runId, mode, exchange, connectionId = null } = context
    for (const trade of batch.trades) context.botTradeSeqs.set(trade.tradeSeq, trade.botTradeSeq)
    const state = canonicalJson(batch.state ?? null)
    const journal = chainJournal(batch, this.#tail, stateHashOf(state))
    const list: PipelineStatement[] = [
      statement('assert', [this.#scope, context.leaseToken, runId, this.#tail.seq, this.#tail.hash]),
      statement('journal', [runId, userId, journal.json]),
    ]
    const add = (name: StatementName, rows: readonly object[], ...values: (string | number | null)[]): void => {
      if (rows.length > 0) list.push(statement(name, [...values, JSON.stringify(rows)]))
    }
    add('trades', tradeRows(context, batch), botId, runId, mode, userId)
    add('positions', positionRows(context, batch), botId, runId, mode, exchange, userId, connectionId)
    const orders = this.#orders(context, batch)
    if (orders) list.push(orders)
    add('fills', fillRows(context, batch), mode, userId, connectionId)
    const ledger = ledgerRows(context, batch.transfers)
    const book = bookStatement(context, batch.lastSeq, ledger)
    if (book) list.push(book)
    add('funds', batch.funds, mode, exchange, botId, userId, connectionId)
    add('decisions', decisionRows(context, batch), botId, runId, userId)
    add('events', eventRows(context, batch), botId, runId, userId)
    add('equity', equityRows(batch), mode, exchange, botId, runId, userId, connectionId)
    add('metrics', metricsRows(batch), botId, runId, userId)
    if (batch.transfers.some(transfer => transfer.debit === 'bot_dust' || transfer.credit === 'bot_dust')) {
      const coins = JSON.stringify(keptCoins(batch.state))
      list.push(statement('holdings', [botId, mode, exchange, userId, String(this.#tail.seq > 0), coins, connectionId]))
    }
    list.push(statement('state', [botId, mode, state, userId]))
    const status = this.#status(batch)
    list.push(...status.list)
    return {
      list,
      accounts: ledger.accounts,
      taken: () => {
        this.#tail = journal.tail
        status.taken()
      },
    }
  }

  /** Totals of the run, heartbeat and observed status: written where they changed or are due. */
  #status(batch: CommitBatch): { list: PipelineStatement[]; taken: () => void } {
    const { botId, runId } = this.context
    const { totals } = batch
    const last = this.#lastTotals
    const list: PipelineStatement[] = []
    const now = Date.now()
    const due = totals.totalTrades !== last.closed || totals.status !== last.status || now - last.atMs >= TOTALS_EVERY_MS
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
    const beat = due || now - last.heartbeatMs >= HEARTBEAT_EVERY_MS
    if (beat) {
      const observed = totals.status === 'running' ? 'running' : totals.status === 'error' ? 'error' : 'stopped'
      list.push(statement('instance', [botId, observed, totals.currentBalance, totals.totalPnl]))
    }
    const ended = totals.status !== 'running'
    const bot = JSON.stringify([batch.botStatus, batch.pausedBy, ended])
    if (bot !== this.#lastBot) {
      list.push(statement('bot', [botId, batch.botStatus, JSON.stringify(batch.pausedBy), String(ended)]))
    }
    return {
      list,
      taken: () => {
        this.#lastBot = bot
        this.#lastTotals = {
          closed: totals.totalTrades,
          status: totals.status,
          atMs: due ? now : last.atMs,
          heartbeatMs: beat ? now : last.heartbeatMs,
        }
      },
    }
  }
}

function paperOrders(context: RowContext, batch: CommitBatch): PipelineStatement | null {
  const rows = orderRows(context, batch)
  if (rows.length === 0) return null
  const { botId, runId, mode, exchange, userId, connectionId = null } = context
  return statement('orders', [botId, runId, mode, exchange, userId, connectionId, JSON.stringify(rows)])
}

/** Transfers with the accounts that they name; null without any. */
export function bookStatement(
  { mode, exchange, connectionId = null }: Pick<RunContext, 'mode' | 'exchange' | 'connectionId'>,
  seq: number | null,
  { accounts, transfers }: ReturnType<typeof ledgerRows>,
): PipelineStatement | null {
  if (transfers.length === 0) return null
  const named = accounts.map(({ change: _, ...account }) => account)
  return statement('book', [mode, exchange, connectionId, seq, JSON.stringify(named), JSON.stringify(transfers)])
}
