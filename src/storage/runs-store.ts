// Runs: one life of a bot in one mode. Starting one books its capital in the ledger, so that every later sum has a first entry.

import { randomUUID } from 'node:crypto'
import type { Transfer } from '../core/ledger/transfer.ts'
import { Decimal } from '../core/money/decimal.ts'
import { countOpenDeals, lockBot, recordBotEvent } from './bots-store.ts'
import { appendCommand, lastCommand } from './command-inbox.ts'
import { type Transaction, tenantOf } from './database.ts'
import { StorageError } from './errors.ts'
import type { PipelineStatement } from './pipeline.ts'
import { ledgerRows } from './run-commit-rows.ts'
import { statement } from './run-commit-sql.ts'
import { bookStatement } from './run-commit-statements.ts'

export const PAPER_EXCHANGE = 'paper_trading'

export interface NewRun {
  readonly runId?: string
  readonly botId: string
  readonly mode: 'backtest' | 'paper'
  readonly initialBalance: string
  /** The pairs' quote. */
  readonly currency: string
  readonly engineVersion: string
  readonly seed?: number
  readonly dataHash?: string | null
  readonly exchange?: string
  /** Kept with the run: feed, symbols, speed, epoch. */
  readonly meta?: object
}

export interface StartedRun {
  readonly runId: string
  readonly botVersion: number
  /** The bot still had open deals of this mode: the run they belong to goes on, with the funds it had. */
  readonly adopted: boolean
}

/**
 * Starts a run: run, instance, funds, ledger opening and event in the caller's transaction. Where a run that failed has left open
 * deals, that very run goes on instead: its deals, orders, funds and ledger stay what they are, and no coin is left without a bot.
 * @throws NOT_FOUND, INVALID_STATUS_TRANSITION while a run is on, BOT_HAS_OPEN_DEALS of another mode, INSUFFICIENT_FUNDS.
 */
export async function startRun(tx: Transaction, run: NewRun): Promise<StartedRun> {
  const userId = tenantOf(tx)
  const bot = await lockBot(tx, run.botId)
  const exchange = run.exchange ?? PAPER_EXCHANGE
  const runId = run.runId ?? randomUUID()
  if (run.mode !== 'backtest') {
    const left = await runWithOpenDeals(tx, run.botId, run.mode)
    if (left) return continueRun(tx, bot.name, run.botId, run.mode, left)
  }
  const balance = Decimal.from(run.initialBalance)
  if (!balance.isPositive())
    throw new StorageError('INSUFFICIENT_FUNDS', `The initial balance is ${run.initialBalance}, it must be above 0`)
  if (bot.requiredCapital !== null && balance.compare(Decimal.from(bot.requiredCapital)) < 0) {
    throw new StorageError(
      'INSUFFICIENT_FUNDS',
      `One deal of bot ${bot.name} needs ${bot.requiredCapital} ${run.currency}, the balance is ${run.initialBalance}`,
      { remedy: 'Raise the initial balance or lower the order amounts' },
    )
  }
  const running = await tx.one<{ run_id: string; mode: string }>(
    `select run_id, mode from bot_runs where bot_id = $1 and status = 'running' and mode <> 'backtest'`,
    [run.botId],
  )
  if (running && run.mode !== 'backtest') {
    const code = running.mode === run.mode ? 'INVALID_STATUS_TRANSITION' : 'MODE_CONFLICT'
    throw new StorageError(code, `Bot ${bot.name} has a running ${running.mode} run`, { remedy: 'Stop it first' })
  }
  if (run.mode !== 'backtest' && (await countOpenDeals(tx, run.botId)) > 0) {
    throw new StorageError('BOT_HAS_OPEN_DEALS', `Bot ${bot.name} has open deals of another mode`, {
      remedy: 'Close or release them first',
    })
  }

  // Commands that were given to an earlier run are none of this one's.
  const commandsBefore = run.mode === 'backtest' ? 0 : await lastCommand(tx, run.botId, run.mode)
  await tx.query(
    `insert into bot_runs (run_id, bot_id, bot_version, mode, status, initial_balance, seed, engine_version, data_hash, meta, user_id)
     values ($1, $2, $3, $4, 'running', $5, $6, $7, $8, $9, $10)`,
    [
      runId,
      run.botId,
      bot.version,
      run.mode,
      run.initialBalance,
      run.seed ?? 0,
      run.engineVersion,
      run.dataHash ?? null,
      JSON.stringify({ ...run.meta, currency: run.currency, exchange, commandsBefore }),
      userId,
    ],
  )
  await tx.query(
    `insert into bot_instances (id, type, status, current_balance, total_pnl, started_at, last_heartbeat, user_id)
     values ($1, $2, 'running', $3, 0, now(), now(), $4)
     on conflict (id) do update set type = excluded.type, status = excluded.status, current_balance = excluded.current_balance,
       total_pnl = 0, started_at = excluded.started_at, last_heartbeat = excluded.last_heartbeat, restarts = 0`,
    [run.botId, run.mode, run.initialBalance, userId],
  )
  await openLedger(tx, { runId, botId: run.botId, mode: run.mode, exchange, currency: run.currency, balance })
  if (run.mode !== 'backtest') {
    await tx.query(
      `update bots set status = 'starting', desired_state = 'running', paused_by = '[]', last_error = null where bot_id = $1`,
      [run.botId],
    )
  }
  await recordBotEvent(
    tx,
    run.botId,
    'RUN_STARTED',
    `A ${run.mode} run of ${bot.name} was started with ${run.initialBalance} ${run.currency}`,
    {
      runId,
      mode: run.mode,
      version: bot.version,
    },
  )
  await tx.query(`select pg_notify('ek_command', $1)`, [JSON.stringify({ userId, botId: run.botId, desired: 'running' })])
  return { runId, botVersion: bot.version, adopted: false }
}

interface LeftRun {
  readonly runId: string
  readonly botVersion: number
  readonly openDeals: number
}

/** The ended run of this mode whose deals are still open; null while one is on or where nothing is open. */
async function runWithOpenDeals(tx: Transaction, botId: string, mode: string): Promise<LeftRun | null> {
  return tx.one<LeftRun>(
    `select r.run_id as "runId", r.bot_version as "botVersion", count(*)::integer as "openDeals"
     from bot_runs r join trades t on t.run_id = r.run_id and t.status = 'open' and t.parent_trade_id is null
     where r.bot_id = $1 and r.mode = $2
       and not exists (select from bot_runs other where other.bot_id = $1 and other.status = 'running' and other.mode <> 'backtest')
     group by r.run_id, r.bot_version, r.started_at order by r.started_at desc limit 1`,
    [botId, mode],
  )
}

async function continueRun(
  tx: Transaction,
  botName: string,
  botId: string,
  mode: 'paper',
  { runId, botVersion, openDeals }: LeftRun,
): Promise<StartedRun> {
  await tx.query(`update bot_runs set status = 'running', ended_at = null, error = null where run_id = $1`, [runId])
  await tx.query(`update bot_instances set status = 'running', last_heartbeat = now(), restarts = 0 where id = $1`, [botId])
  await tx.query(
    `update bots set status = 'starting', desired_state = 'running', paused_by = '[]', last_error = null where bot_id = $1`,
    [botId],
  )
  const deals = openDeals === 1 ? 'its open deal' : `its ${openDeals} open deals`
  await recordBotEvent(tx, botId, 'RUN_CONTINUED', `The ${mode} run of ${botName} goes on with ${deals}`, { runId, mode })
  // It may have failed while it was paused or stopping: whoever starts it wants it to run. This wakes its worker, too.
  await appendCommand(tx, botId, mode, { kind: 'resume' })
  return { runId, botVersion, adopted: true }
}

interface Opening {
  readonly runId: string
  readonly botId: string
  readonly mode: 'backtest' | 'paper'
  readonly exchange: string
  readonly currency: string
  readonly balance: Decimal
}

/** What an earlier run left with the bot goes back outside; the new balance comes in: external -> free -> bot_free. */
async function openLedger(tx: Transaction, opening: Opening): Promise<void> {
  const userId = tenantOf(tx)
  const { runId, botId, mode, exchange, currency, balance } = opening
  const { rows: left } = await tx.query<{ currency: string; kind: 'bot_free' | 'bot_reserved'; balance: string }>(
    `select currency, kind, balance from ledger_accounts
     where bot_id = $1 and mode = $2 and exchange = $3 and kind in ('bot_free', 'bot_reserved') and balance <> 0 for update`,
    [botId, mode, exchange],
  )
  const transfers: Transfer[] = []
  const move = (
    cause: string,
    kind: string,
    debit: Transfer['debit'],
    credit: Transfer['credit'],
    of: string,
    amount: Decimal,
  ): void => {
    const forward = amount.isPositive()
    transfers.push({
      cause,
      kind,
      debit: forward ? debit : credit,
      credit: forward ? credit : debit,
      currency: of,
      amount: amount.abs(),
      tradeSeq: null,
      orderKey: null,
      fillId: null,
    })
  }
  for (const account of left) {
    const rest = Decimal.from(account.balance)
    move(`open:return:${account.kind}:${account.currency}`, 'release', 'free', account.kind, account.currency, rest)
    move(`open:withdraw:${account.kind}:${account.currency}`, 'withdrawal', 'external', 'free', account.currency, rest)
  }
  move('open:deposit', 'deposit', 'free', 'external', currency, balance)
  move('open:allocate', 'allocate', 'bot_free', 'free', currency, balance)
  const rows = ledgerRows(
    { userId, botId, runId, mode, exchange, epoch: 1, leaseToken: null, workerId: null, instruments: new Map() },
    transfers,
  )
  // Unnamed: under these names the connection may hold statements that a commit of a run has prepared.
  const run = async ({ text, values }: PipelineStatement): Promise<void> => {
    await tx.query(text, values)
  }
  const book = bookStatement({ mode, exchange }, null, rows)
  if (book) await run(book)
  await tx.query('update funds set free = 0, locked = 0 where bot_id = $1 and exchange = $2', [botId, exchange])
  await run(statement('funds', [mode, exchange, botId, userId, null, JSON.stringify([{ currency, free: balance, locked: '0' }])]))
}

export interface RunEnd {
  readonly runId: string
  readonly status: 'completed' | 'stopped' | 'error' | 'cancelled' | 'interrupted'
  readonly error?: string | null
}

/** Ends a run outside of a commit, such as one that cannot be resumed. Repeating it changes nothing. */
export async function endRun(tx: Transaction, end: RunEnd): Promise<void> {
  const run = await tx.one<{ bot_id: string; mode: string }>(
    `update bot_runs set status = $2, ended_at = now(), error = $3
     where run_id = $1 and status in ('queued', 'running') returning bot_id, mode`,
    [end.runId, end.status, end.error ?? null],
  )
  if (!run || run.mode === 'backtest') return
  const failed = end.status === 'error'
  await tx.query(
    `update bots set status = $2, desired_state = 'stopped', paused_by = '[]', last_error = coalesce($3, last_error) where bot_id = $1`,
    [run.bot_id, failed ? 'error' : 'stopped', end.error ?? null],
  )
  await tx.query('update bot_instances set status = $2 where id = $1', [run.bot_id, failed ? 'error' : 'stopped'])
  await recordBotEvent(
    tx,
    run.bot_id,
    failed ? 'RUN_FAILED' : 'RUN_ENDED',
    failed ? `The run failed: ${end.error ?? 'no reason given'}` : `The run ended: ${end.status}`,
    { runId: end.runId },
    failed ? 'error' : 'info',
  )
}
