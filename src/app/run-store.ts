// The runs' view of storage: who is to run, what was saved, where facts are written.

import { parseDcaConfig } from '../contract/dca-config.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { DEMO_EXCHANGE, DEMO_INSTRUMENTS } from '../core/market/demo-market.ts'
import { type Instrument, instrumentFromRules } from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import type { Purpose, Side } from '../core/orders/order.ts'
import type { Assignment, DemoClock, RunFeedSpec, RunStore, SavedRun, StoredTrade, VenueSpec } from '../runs/ports.ts'
import { setBotStatus, touchInstance } from '../storage/bots-store.ts'
import { forgetCommands, pendingCommands } from '../storage/command-inbox.ts'
import type { Database, Transaction } from '../storage/database.ts'
import { StorageError, sqlState } from '../storage/errors.ts'
import { listInstruments } from '../storage/instrument-store.ts'
import { loadRunState, openRunWriter, type RunContext } from '../storage/run-commit-store.ts'
import { endRun, PAPER_EXCHANGE } from '../storage/runs-store.ts'
import { changingOwn, endDailyLossOf, restrictBot, withSafety } from './run-safety.ts'

export interface RunStoreOptions {
  readonly database: Database
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly leaseSec: number
}

interface RunRow {
  readonly initial_balance: string
  readonly started_at: string
  readonly meta: { feed?: RunFeedSpec; currency?: string; venue?: Partial<VenueSpec>; commandsBefore?: number }
}

export const DEFAULT_VENUE: VenueSpec = { fillPath: 'pessimistic', slippageBps: '5', volumeCapPct: '10' }

export function createRunStore(options: RunStoreOptions): RunStore {
  const { database } = options
  const contextOf = (
    assignment: Assignment,
    workerId: string | null,
    instruments: ReadonlyMap<string, Instrument>,
  ): RunContext => ({
    userId: assignment.userId,
    botId: assignment.botId,
    runId: assignment.runId,
    mode: 'paper',
    exchange: PAPER_EXCHANGE,
    epoch: 1,
    leaseToken: assignment.token,
    workerId,
    instruments: new Map(
      [...instruments].map(([symbol, each]) => [symbol, { instrumentId: each.id, base: each.base, quote: each.quote }]),
    ),
  })

  /** A write that only the holder of the bot's lease may make. @throws LEASE_LOST. */
  const asHolder = async (assignment: Assignment, work: (tx: Transaction) => Promise<unknown>): Promise<void> => {
    try {
      await database.withTenant(assignment.userId, async tx => {
        await tx.query('select ek.assert_lease($1, $2)', [`bot:${assignment.botId}`, assignment.token])
        await work(tx)
      })
    } catch (error) {
      if (sqlState(error) !== 'EK001') throw error
      throw new StorageError('LEASE_LOST', `Another worker holds bot ${assignment.botId}`, { cause: error })
    }
  }

  return {
    async renew(workerId) {
      await database.withApp(tx =>
        tx.query('select ek.renew_worker($1, $2, $3, $4, $5)', [
          workerId,
          options.host,
          options.pid,
          options.version,
          options.leaseSec,
        ]),
      )
    },
    async retire(workerId) {
      await database.withApp(tx => tx.query('select ek.retire_worker($1)', [workerId]))
    },
    async claim(workerId, atMost) {
      const { rows } = await database.withApp(tx =>
        tx.query<{ bot_id: string; user_id: string; run_id: string; token: number }>('select * from ek.claim_bots($1, $2)', [
          workerId,
          atMost,
        ]),
      )
      return rows.map(row => ({ botId: row.bot_id, userId: row.user_id, runId: row.run_id, token: row.token }))
    },
    load: assignment => loadRun(database, contextOf(assignment, null, new Map()), assignment),
    async journal(assignment, workerId, instruments) {
      const writer = await openRunWriter(database, contextOf(assignment, workerId, instruments))
      return {
        async commit(batch) {
          await writer.commit(batch)
        },
      }
    },
    inbox: (assignment, after) =>
      withSafety(safetyOf =>
        database.withTenant(
          assignment.userId,
          async tx => {
            const bot = await tx.one<{ version: number }>('select version from bots where bot_id = $1', [assignment.botId])
            if (!bot) throw new StorageError('NOT_FOUND', `There is no bot ${assignment.botId}`)
            const commands = await pendingCommands(tx, assignment.botId, 'paper', after)
            return { commands, version: bot.version, safety: await safetyOf(tx, assignment.botId) }
          },
          { readOnly: true },
        ),
      ),
    safety: assignment =>
      withSafety(safetyOf => database.withTenant(assignment.userId, tx => safetyOf(tx, assignment.botId), { readOnly: true })),
    restrict: (assignment, trigger, figures) =>
      changingOwn(() => asHolder(assignment, tx => restrictBot(tx, assignment.botId, trigger, figures))),
    endDailyLoss: (assignment, atMs) => changingOwn(() => asHolder(assignment, tx => endDailyLossOf(tx, assignment.botId, atMs))),
    forgetCommands: (assignment, upTo) =>
      database.withTenant(assignment.userId, tx => forgetCommands(tx, assignment.botId, 'paper', upTo)),
    heartbeat: (assignment, { botStatus, pausedBy }) =>
      asHolder(assignment, async tx => {
        await touchInstance(tx, assignment.botId)
        await tx.query(
          'update bots set status = $2, paused_by = $3 where bot_id = $1 and (status <> $2 or paused_by <> $3::jsonb)',
          [assignment.botId, botStatus, JSON.stringify(pausedBy)],
        )
      }),
    trades: assignment => loadTrades(database, assignment),
    async saveDemoClock(assignment, clock: DemoClock) {
      await asHolder(assignment, tx =>
        tx.query(`update bot_runs set meta = jsonb_set(meta, '{feed,time}', $2::jsonb) where run_id = $1`, [
          assignment.runId,
          JSON.stringify(clock),
        ]),
      )
    },
    async fail(assignment, message, final) {
      await asHolder(assignment, async tx => {
        if (final) {
          await endRun(tx, { runId: assignment.runId, status: 'error', error: message })
          return
        }
        await setBotStatus(tx, assignment.botId, { status: 'starting', lastError: message })
        await tx.query('update bot_instances set restarts = restarts + 1 where id = $1', [assignment.botId])
      })
    },
    async instruments(exchange, symbols) {
      const known = await database.withApp(tx => listInstruments(tx, exchange), { readOnly: true })
      const found = new Map<string, Instrument>()
      for (const symbol of symbols) {
        const instrument = known.find(each => each.symbol === symbol) ?? demoInstrument(exchange, symbol)
        if (!instrument)
          throw new StorageError('NOT_FOUND', `The rules of ${symbol} on ${exchange} are not known`, {
            remedy: 'Import candles of it first',
          })
        found.set(symbol, instrument)
      }
      return found
    },
  }
}

/** @throws STATE_DAMAGED for a document that this version cannot read any more: it is never guessed at. */
export function readStoredConfig(document: unknown, botId: string, version: number): DcaConfig {
  const parsed = parseDcaConfig(document)
  if (parsed.ok) return parsed.config
  const [first] = parsed.findings
  throw new StorageError('STATE_DAMAGED', `Version ${version} of bot ${botId} cannot be read: ${first?.path} ${first?.message}`, {
    remedy: 'Edit the bot and save it again',
  })
}

function demoInstrument(exchange: string, symbol: string): Instrument | undefined {
  const rules = exchange === DEMO_EXCHANGE ? DEMO_INSTRUMENTS.find(each => each.symbol === symbol) : undefined
  return rules ? instrumentFromRules(rules) : undefined
}

async function loadRun(database: Database, context: RunContext, assignment: Assignment): Promise<SavedRun> {
  const saved = await loadRunState(database, context)
  return database.withTenant(
    assignment.userId,
    async tx => {
      const run = await tx.one<RunRow>('select initial_balance, started_at, meta from bot_runs where run_id = $1', [
        assignment.runId,
      ])
      const bot = await tx.one<{ version: number }>('select version from bots where bot_id = $1', [assignment.botId])
      const { rows: versions } = await tx.query<{ version: number; config: unknown }>(
        'select version, config from bot_versions where bot_id = $1',
        [assignment.botId],
      )
      if (!run || !bot) throw new StorageError('NOT_FOUND', `There is no run ${assignment.runId}`)
      if (!run.meta.feed || !run.meta.currency) {
        throw new StorageError('STATE_DAMAGED', `Run ${assignment.runId} does not say what it is fed with`, {
          remedy: 'Stop the bot and start it again',
        })
      }
      return {
        initialBalance: run.initial_balance,
        currency: run.meta.currency,
        feed: run.meta.feed,
        venue: { ...DEFAULT_VENUE, ...run.meta.venue },
        startedAtMs: Date.parse(run.started_at),
        currentVersion: bot.version,
        config: version => {
          const found = versions.find(each => each.version === version)
          return found ? readStoredConfig(found.config, assignment.botId, version) : null
        },
        state: saved.state,
        lastSeq: saved.tail.seq,
        nextBotTradeSeq: saved.nextBotTradeSeq,
        commandsBefore: run.meta.commandsBefore ?? 0,
      }
    },
    { readOnly: true },
  )
}

/** The run's deals with their fills, as committed. */
async function loadTrades(database: Database, assignment: Assignment): Promise<StoredTrade[]> {
  return database.withTenant(
    assignment.userId,
    async tx => {
      const { rows: trades } = await tx.query<{
        id: string
        seq: number
        symbol: string
        direction: 'long' | 'short'
        opened: number | null
        closed: number | null
        exit_reason: string | null
        net_pnl: string | null
      }>(
        `select id, coalesce((extra_metadata ->> 'tradeSeq')::integer, trade_seq) as seq, symbol, direction, exit_reason, net_pnl,
           (extract(epoch from entry_time) * 1000)::double precision as opened,
           (extract(epoch from exit_time) * 1000)::double precision as closed
         from trades where run_id = $1 and parent_trade_id is null`,
        [assignment.runId],
      )
      const { rows: fills } = await tx.query<{
        trade_id: string
        purpose: Purpose
        sequence: number
        exchange_trade_id: string
        at: number
        side: Side
        price: string
        qty: string
        fee: string
        fee_currency: string
      }>(
        `select f.trade_id, o.purpose, o.sequence, f.exchange_trade_id, f.side, f.price, f.qty, f.fee, f.fee_currency,
           (extract(epoch from f.filled_at) * 1000)::double precision as at
         from fills f join order_logs o on o.order_id = f.order_id where o.run_id = $1`,
        [assignment.runId],
      )
      const ofTrade = Map.groupBy(fills, fill => fill.trade_id)
      return trades.map(trade => ({
        tradeSeq: trade.seq,
        symbol: trade.symbol,
        side: trade.direction,
        openedAtMs: trade.opened,
        closedAtMs: trade.closed,
        exitReason: trade.exit_reason,
        netPnl: trade.net_pnl === null ? null : Decimal.from(trade.net_pnl),
        fills: (ofTrade.get(trade.id) ?? []).map(fill => ({
          purpose: fill.purpose,
          sequence: fill.sequence,
          fillId: fill.exchange_trade_id,
          atMs: fill.at,
          side: fill.side,
          price: Decimal.from(fill.price),
          quantity: Decimal.from(fill.qty),
          fee: Decimal.from(fill.fee),
          feeAsset: fill.fee_currency,
        })),
      }))
    },
    { readOnly: true },
  )
}
