// What an exchange account continues from: everything of it, as one moment of the database has it.

import { canonicalJson } from '../core/hash/canonical-json.ts'
import { AT_VENUE } from '../core/ledger/transfer.ts'
import { Decimal } from '../core/money/decimal.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { ScopeSafety } from '../core/risk/safety-record.ts'
import type { AccountAssignment, FillCursor, ForeignOrder, OrderRecord, SavedAccount, SavedBot } from '../engine/account-store.ts'
import {
  INTENT_COLUMNS,
  type IntentRow,
  intentOf,
  RECORD_COLUMNS,
  type RecordRow,
  recordOf,
  venueOrderOf,
} from './account-store-rows.ts'
import { oldestFirst } from './account-store-rules.ts'
import type { Transaction } from './database.ts'
import { StorageError } from './errors.ts'
import type { RunInstrument } from './run-commit-rows.ts'
import { GENESIS_HASH, type JournalTail, stateHashOf } from './run-commit-statements.ts'
import { readSafetyScopes, ruling } from './safety-store.ts'

const LIVE_STATUSES = ['intended', 'in_flight', 'unknown', 'open', 'part_filled']

/** A run of the account, ready to be written. */
export interface AccountRunRow {
  readonly botId: string
  readonly runId: string
  readonly interval: string
  readonly tail: JournalTail
  readonly stateHash: string | null
  readonly nextBotTradeSeq: number
  /** Ordinal within the run -> the bot's own counter. */
  readonly botTradeSeqs: Map<number, number>
}

/** @throws LEASE_LOST (as EK001), NOT_FOUND for an account that is not this tenant's. */
export async function proveAccount(tx: Transaction, { accountId, token }: AccountAssignment): Promise<{ exchange: string }> {
  await tx.query('select ek.assert_lease($1, $2)', [`account:${accountId}`, token])
  const account = await tx.one<{ exchange: string }>('select exchange from exchange_keys where id = $1', [accountId])
  if (!account) throw new StorageError('NOT_FOUND', `There is no exchange account ${accountId}`)
  return account
}

/** Runs that are on, and those that have ended while an order or a call of theirs has not; one of each bot. */
export async function readRuns(tx: Transaction, accountId: string): Promise<AccountRunRow[]> {
  const { rows: runs } = await tx.query<{
    run_id: string
    bot_id: string
    interval: string
    seq: number | null
    hash: string | null
    state_hash: string | null
    next_seq: number
  }>(
    `select r.run_id, r.bot_id, b.interval, j.seq, j.hash, j.state_hash,
       coalesce((select max(t.trade_seq) from trades t where t.bot_id = r.bot_id and t.parent_trade_id is null
         and t.trade_type in ('paper', 'live')), 0) + 1 as next_seq
     from (
       select distinct on (bot_id) * from bot_runs
       where connection_id = $1 and mode = 'live'
         and (status = 'running'
           or exists (select from order_logs o where o.run_id = bot_runs.run_id and o.status = any($2))
           or exists (select from order_intents i join order_logs o on o.order_id = i.order_id
             where o.run_id = bot_runs.run_id and i.status <> 'settled'))
       order by bot_id, (status = 'running') desc, started_at desc) r
     join bots b on b.bot_id = r.bot_id
     left join lateral (select seq, hash, state_hash from journal where run_id = r.run_id order by seq desc limit 1) j on true
     order by r.bot_id`,
    [accountId, LIVE_STATUSES],
  )
  const { rows: deals } = await tx.query<{ run_id: string; trade_seq: number; ordinal: number | null }>(
    `select run_id, trade_seq, (extra_metadata ->> 'tradeSeq')::integer as ordinal from trades
     where run_id = any($1) and parent_trade_id is null`,
    [runs.map(run => run.run_id)],
  )
  const dealsOf = Map.groupBy(deals, deal => deal.run_id)
  return runs.map(run => ({
    botId: run.bot_id,
    runId: run.run_id,
    interval: run.interval,
    tail: { seq: run.seq ?? 0, hash: run.hash ?? GENESIS_HASH },
    stateHash: run.state_hash,
    nextBotTradeSeq: Number(run.next_seq),
    botTradeSeqs: new Map((dealsOf.get(run.run_id) ?? []).map(deal => [deal.ordinal ?? deal.trade_seq, deal.trade_seq])),
  }))
}

export async function readInstruments(tx: Transaction, exchange: string): Promise<Map<string, RunInstrument>> {
  const { rows } = await tx.query<{ id: string; symbol: string; base: string; quote: string }>(
    'select id, symbol, base, quote from instruments where exchange = $1',
    [exchange],
  )
  return new Map(rows.map(({ id, symbol, base, quote }) => [symbol, { instrumentId: id, base, quote }]))
}

interface AccountSafety {
  readonly account: SafetyLevel
  bot(botId: string): SafetyLevel
}

/** What rules the account, and each bot of it. A record that cannot be read is halted. */
async function readSafety(tx: Transaction, accountId: string): Promise<AccountSafety> {
  let scopes: readonly ScopeSafety[]
  try {
    scopes = await readSafetyScopes(tx, { connectionId: accountId, all: true })
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'STATE_DAMAGED')) throw error
    return { account: 'halted', bot: () => 'halted' }
  }
  const above = scopes.filter(({ scope, scopeId }) => scope !== 'bot' && (scope !== 'account' || scopeId === accountId))
  return {
    account: ruling(above).level,
    bot: botId => ruling([...above, ...scopes.filter(({ scope, scopeId }) => scope === 'bot' && scopeId === botId)]).level,
  }
}

async function readBots(
  tx: Transaction,
  runs: readonly AccountRunRow[],
  safetyOf: (botId: string) => SafetyLevel,
): Promise<SavedBot[]> {
  const { rows } = await tx.query<{ bot_id: string; state: unknown }>(
    `select bot_id, state from bot_state where bot_id = any($1) and mode = 'live' and scope = 'bot'`,
    [runs.map(run => run.botId)],
  )
  const states = new Map(rows.map(row => [row.bot_id, row.state]))
  return runs.map(({ botId, runId, tail, stateHash, nextBotTradeSeq }) => {
    const state = tail.seq === 0 ? null : states.get(botId)
    const isSound =
      tail.seq === 0 || (state !== undefined && (stateHash === null || stateHashOf(canonicalJson(state)) === stateHash))
    return {
      botId,
      runId,
      state: isSound ? state : null,
      lastSeq: tail.seq,
      nextBotTradeSeq,
      damage: isSound ? null : `The state of bot ${botId} is not the one its journal ended with`,
      safety: safetyOf(botId),
    }
  })
}

async function readBalances(tx: Transaction, accountId: string): Promise<Map<string, Decimal>> {
  // Contracts of a perpetual are no coins that the venue keeps for the account.
  const { rows } = await tx.query<{ currency: string; balance: string }>(
    `select a.currency, sum(a.balance) as balance from ledger_accounts a
     left join trades t on a.kind = 'position' and t.id = a.trade_id left join instruments i on i.id = t.instrument_id
     where a.connection_id = $1 and a.mode = 'live' and a.kind = any($2) and (i.kind is null or i.kind = 'spot')
     group by a.currency`,
    [accountId, [...AT_VENUE]],
  )
  return new Map(rows.map(row => [row.currency, Decimal.from(row.balance)]))
}

export async function readAccount(
  tx: Transaction,
  assignment: AccountAssignment,
  runs: readonly AccountRunRow[],
  endedSinceMs: number,
): Promise<SavedAccount> {
  const { accountId } = assignment
  const since = new Date(endedSinceMs).toISOString()
  const safety = await readSafety(tx, accountId)
  const bots = await readBots(tx, runs, safety.bot)
  const { rows: intents } = await tx.query<IntentRow>(
    `select ${INTENT_COLUMNS} from order_intents i join order_logs o on o.order_id = i.order_id join trades t on t.id = o.trade_id
     where i.status in ('pending', 'sent', 'in_doubt') and o.connection_id = $1`,
    [accountId],
  )
  const { rows: orders } = await tx.query<RecordRow>(
    `select ${RECORD_COLUMNS} from order_logs o join trades t on t.id = o.trade_id
     where o.connection_id = $1 and (o.status = any($2) or o.closed_at >= $3)`,
    [accountId, LIVE_STATUSES, since],
  )
  const { rows: fills } = await tx.query<{ key: string }>(
    `select symbol || '|' || exchange_trade_id as key from fills where connection_id = $1 and mode = 'live' and filled_at >= $2`,
    [accountId, since],
  )
  const { rows: cursors } = await tx.query<FillCursor>(
    `select i.symbol, c.cursor, (extract(epoch from c.at) * 1000)::bigint as "atMs"
     from fill_cursors c join instruments i on i.id = c.instrument_id where c.connection_id = $1`,
    [accountId],
  )
  const { rows: foreign } = await tx.query<{ raw: Parameters<typeof venueOrderOf>[0]; resolution: ForeignOrder['resolution'] }>(
    'select raw, resolution from foreign_orders where connection_id = $1',
    [accountId],
  )
  return {
    bots,
    intents: oldestFirst(intents.map(intentOf)),
    orders: orders.map(recordOf),
    bookedFills: new Set(fills.map(fill => fill.key)),
    cursors,
    foreignOrders: foreign.map(row => ({ venueOrder: venueOrderOf(row.raw), resolution: row.resolution })),
    balances: await readBalances(tx, accountId),
    safety: safety.account,
  }
}

export async function readRecord(tx: Transaction, accountId: string, clientOrderId: string): Promise<OrderRecord | null> {
  const row = await tx.one<RecordRow>(
    `select ${RECORD_COLUMNS} from order_logs o join trades t on t.id = o.trade_id
     where o.connection_id = $1 and o.client_order_id = $2 and o.mode = 'live'`,
    [accountId, clientOrderId],
  )
  return row ? recordOf(row) : null
}
