// The store of exchange accounts on PostgreSQL: what an instant changed of all bots of an account, its outbox, cursors and own money in
// ONE transaction and one round trip, under the account's token and as the next link of each bot's journal. A commit whose answer was
// lost is recognised when it is tried again, never written twice.

import { ACCOUNT_OWNER } from '../core/ledger/transfer.ts'
import { type OrderKey, orderKeyText } from '../core/orders/order.ts'
import type { AccountAssignment, AccountCommit, OrderWord, SavedAccount } from '../engine/account-store.ts'
import type { AccountStore } from '../engine/ports.ts'
import { type AccountRunRow, proveAccount, readAccount, readInstruments, readRecord, readRuns } from './account-store-load.ts'
import { accountOrderRows, foreignOrderRow, intentChangeRow, intentRow, wordRow } from './account-store-rows.ts'
import { isSameCommit, lastChanges } from './account-store-rules.ts'
import { announceRun } from './announce.ts'
import type { Database, Transaction } from './database.ts'
import { isAway, StorageError, type StorageErrorCode, sqlState } from './errors.ts'
import { transferIdOf } from './ids.ts'
import type { PipelineStatement } from './pipeline.ts'
import { ledgerRows, type RunInstrument } from './run-commit-rows.ts'
import { type StatementName, statement } from './run-commit-sql.ts'
import { type BatchStatements, bookStatement, chainJournal, type OrderStatement, RunStatements } from './run-commit-statements.ts'
import { timeOf } from './sql-types.ts'

export interface AccountStoreOptions {
  readonly database: Database
  /** Part of client order ids; raised when a backup is restored. */
  readonly epoch: number
  readonly workerId?: string | null
}

/** What one holder knows of its account between commits. */
interface OpenAccount {
  readonly assignment: AccountAssignment
  readonly exchange: string
  instruments: ReadonlyMap<string, RunInstrument>
  readonly runs: Map<string, RunStatements>
  /** Names and words of the commit that is being written, by bot and order key. */
  given: Map<string, { readonly names: Map<string, string>; readonly words: Map<string, OrderWord> }>
  /** The newest commit that took effect. */
  last: AccountCommit | null
  /** A commit of which it is not known whether it took effect, with what follows if it did. */
  doubted: { readonly commit: AccountCommit; taken(): void } | null
  /** Commits of an account are written one after the other. */
  turn: Promise<unknown>
}

const NO_NAMES: ReadonlyMap<string, string> = new Map()

export function createAccountStore(options: AccountStoreOptions): AccountStore {
  const { database } = options
  const opened = new Map<string, OpenAccount>()

  const read = async <T>(assignment: AccountAssignment, work: (tx: Transaction) => Promise<T>): Promise<T> => {
    try {
      return await database.withTenant(assignment.userId, work, { readOnly: true, isolation: 'repeatable read' })
    } catch (error) {
      throw accountError(error)
    }
  }

  const open = async (
    tx: Transaction,
    assignment: AccountAssignment,
  ): Promise<{ account: OpenAccount; runs: AccountRunRow[] }> => {
    const { exchange } = await proveAccount(tx, assignment)
    const runs = await readRuns(tx, assignment.accountId)
    const account: OpenAccount = {
      assignment,
      exchange,
      instruments: await readInstruments(tx, exchange),
      runs: new Map(),
      given: new Map(),
      last: null,
      doubted: null,
      turn: Promise.resolve(),
    }
    for (const run of runs) account.runs.set(run.botId, statementsOf(account, run, options))
    opened.set(assignment.accountId, account)
    return { account, runs }
  }

  const accountOf = async (assignment: AccountAssignment): Promise<OpenAccount> => {
    const known = opened.get(assignment.accountId)
    if (known?.assignment.token === assignment.token && known.assignment.userId === assignment.userId) return known
    return (await read(assignment, tx => open(tx, assignment))).account
  }

  /** Bots and instruments that came to the account after it was opened. */
  const learn = async (account: OpenAccount, commit: AccountCommit): Promise<void> => {
    const isKnown = (symbol: string): boolean => account.instruments.has(symbol)
    const bots = commit.bots.every(({ botId }) => account.runs.has(botId))
    const symbols =
      commit.bots.every(({ batch }) => batch.trades.every(({ symbol }) => isKnown(symbol))) &&
      commit.cursors.every(({ symbol }) => isKnown(symbol))
    if (bots && symbols) return
    await read(account.assignment, async tx => {
      await proveAccount(tx, account.assignment)
      if (!symbols) account.instruments = await readInstruments(tx, account.exchange)
      if (bots) return
      for (const run of await readRuns(tx, account.assignment.accountId)) {
        if (!account.runs.has(run.botId)) account.runs.set(run.botId, statementsOf(account, run, options))
      }
    })
  }

  const write = async (account: OpenAccount, commit: AccountCommit): Promise<void> => {
    const { assignment } = account
    await learn(account, commit)
    let answerWasLost = false
    if (account.doubted) {
      answerWasLost = true
      const { doubted } = account
      const tookEffect = await read(assignment, tx => didTakeEffect(tx, account, doubted.commit))
      account.doubted = null
      if (tookEffect) doubted.taken()
    }
    if (account.last && isSameCommit(account.last, commit, answerWasLost)) {
      await read(assignment, tx => proveAccount(tx, assignment))
      return
    }
    const { list, taken } = statements(account, commit)
    try {
      await database.pipelineTenant(assignment.userId, list)
    } catch (error) {
      // What became of it is found out before anything else is written.
      if (isAway(error)) account.doubted = { commit, taken }
      for (const { botId } of commit.bots) account.runs.get(botId)?.forgetStatus()
      throw accountError(error)
    }
    taken()
    for (const { botId } of commit.bots) announceRun(database, runOf(account, botId).news())
  }

  return {
    async load(assignment, endedSinceMs): Promise<SavedAccount> {
      return read(assignment, async tx => {
        const { runs } = await open(tx, assignment)
        return readAccount(tx, assignment, runs, endedSinceMs)
      })
    },
    async commit(assignment, commit) {
      const account = await accountOf(assignment)
      const turn = account.turn.then(() => write(account, commit))
      account.turn = turn.catch(() => undefined)
      await turn
    },
    findOrder: (assignment, clientOrderId) =>
      read(assignment, async tx => {
        await proveAccount(tx, assignment)
        return readRecord(tx, assignment.accountId, clientOrderId)
      }),
  }
}

function scopeOf({ accountId }: AccountAssignment): string {
  return `account:${accountId}`
}

function statementsOf(account: OpenAccount, run: AccountRunRow, options: AccountStoreOptions): RunStatements {
  const { assignment, exchange } = account
  const { botId } = run
  const orders: OrderStatement = (context, batch) => {
    if (batch.orders.length === 0) return null
    const given = account.given.get(botId)
    const rows = accountOrderRows(context, batch, given?.names ?? NO_NAMES, given?.words ?? new Map())
    const { userId, runId, mode, connectionId = null } = context
    return statement('account_orders', [botId, runId, mode, exchange, userId, connectionId, JSON.stringify(rows), rows.length])
  }
  const context = {
    userId: assignment.userId,
    botId,
    runId: run.runId,
    mode: 'live' as const,
    exchange,
    connectionId: assignment.accountId,
    epoch: options.epoch,
    leaseToken: assignment.token,
    workerId: options.workerId ?? null,
    // Read at each use: instruments may come later.
    get instruments() {
      return account.instruments
    },
    interval: run.interval,
    botTradeSeqs: run.botTradeSeqs,
  }
  return new RunStatements(context, run.tail, scopeOf(assignment), orders)
}

function runOf(account: OpenAccount, botId: string): RunStatements {
  const run = account.runs.get(botId)
  if (!run) throw new StorageError('NOT_FOUND', `There is no bot ${botId} of account ${account.assignment.accountId}`)
  return run
}

/** All of a commit, in the order in which its rows need each other. */
function statements(account: OpenAccount, commit: AccountCommit): { list: PipelineStatement[]; taken: () => void } {
  const { userId, accountId, token } = account.assignment
  account.given = givenBy(commit)
  const batches: BatchStatements[] = commit.bots.map(({ botId, batch }) => runOf(account, botId).of(batch))
  const list = batches.flatMap(batch => batch.list)
  if (batches.length === 0) list.push(statement('lease', [scopeOf(account.assignment), token]))
  const add = (name: StatementName, rows: readonly object[], ...values: (string | number | null)[]): void => {
    if (rows.length > 0) list.push(statement(name, [...values, JSON.stringify(rows)]))
  }
  const counted = (name: StatementName, rows: readonly object[], ...values: (string | number | null)[]): void => {
    if (rows.length > 0) list.push(statement(name, [...values, JSON.stringify(rows), rows.length]))
  }
  const own = ownLedger(account, commit)
  const book = bookStatement({ mode: 'live', exchange: account.exchange, connectionId: accountId }, null, own)
  if (book) list.push(book)
  add('own_funds', freeChanges([...batches, own]), 'live', account.exchange, accountId, userId)
  const unsaid = [...account.given].flatMap(([botId, { words }]) =>
    words.size === 0 ? [] : [...words.values()].map(word => wordRow(runOf(account, botId).context.runId, word)),
  )
  counted('words', unsaid)
  const intents = commit.newIntents.map(each => intentRow(accountId, runOf(account, each.botId).context.runId, each))
  counted('intents', intents, token, userId)
  const changes = lastChanges(commit.intentChanges).map(change => intentChangeRow(accountId, change))
  counted('intent_changes', changes, token)
  const cursors = commit.cursors.map(({ symbol, cursor, atMs }) => {
    const instrument = account.instruments.get(symbol)
    if (!instrument) throw new Error(`account ${accountId}: symbol ${symbol} is not among its instruments`)
    return { instrument_id: instrument.instrumentId, cursor, at: timeOf(atMs) }
  })
  add('cursors', cursors, accountId, userId)
  add('foreign_orders', commit.foreignOrders.map(foreignOrderRow), accountId, userId)
  return {
    list,
    taken: () => {
      for (const batch of batches) batch.taken()
      account.last = commit
    },
  }
}

/** Names and words by bot and order key. */
function givenBy(commit: AccountCommit): OpenAccount['given'] {
  const given: OpenAccount['given'] = new Map()
  const of = (botId: string) => {
    let own = given.get(botId)
    if (!own) {
      own = { names: new Map(), words: new Map() }
      given.set(botId, own)
    }
    return own
  }
  const name = ({ botId, order, clientOrderId }: { botId: string; order: OrderKey; clientOrderId: string }): void => {
    of(botId).names.set(orderKeyText(order), clientOrderId)
  }
  for (const intent of commit.newIntents) name(intent)
  for (const word of commit.words) {
    name(word)
    of(word.botId).words.set(orderKeyText(word.order), word)
  }
  return given
}

/** @throws where a transfer of the account names an account of a bot: those are booked with the bot's batch. */
function ownLedger(account: OpenAccount, commit: AccountCommit): ReturnType<typeof ledgerRows> {
  const { userId, accountId, token } = account.assignment
  for (const { cause, debit, credit } of commit.transfers) {
    for (const kind of [debit, credit]) {
      if (ACCOUNT_OWNER[kind] !== 'account') throw new Error(`transfer ${cause}: ${kind} needs a bot`)
    }
  }
  const context = {
    userId,
    botId: '',
    runId: accountId,
    mode: 'live' as const,
    exchange: account.exchange,
    connectionId: accountId,
    epoch: 0,
    leaseToken: token,
    workerId: null,
    instruments: account.instruments,
  }
  return ledgerRows(context, commit.transfers)
}

/** By how much the account's money that no bot has changes, by currency. */
function freeChanges(parts: readonly Pick<BatchStatements, 'accounts'>[]): object[] {
  const rows = parts.flatMap(part => part.accounts.filter(each => each.kind === 'free'))
  if (rows.length < 2) return rows.filter(row => !row.change.isZero()).map(({ currency, change }) => ({ currency, change }))
  const sums = new Map<string, (typeof rows)[number]['change']>()
  for (const { currency, change } of rows) sums.set(currency, sums.get(currency)?.plus(change) ?? change)
  return [...sums].filter(([, change]) => !change.isZero()).map(([currency, change]) => ({ currency, change }))
}

/** Whether a commit whose answer was lost is there. What it changed without leaving a fact may be written once more. */
async function didTakeEffect(tx: Transaction, account: OpenAccount, commit: AccountCommit): Promise<boolean> {
  await proveAccount(tx, account.assignment)
  const [first] = commit.bots
  if (first) {
    const { tail, context } = runOf(account, first.botId)
    const found = await tx.one<{ seq: number; hash: string }>(
      'select seq, hash from journal where run_id = $1 order by seq desc limit 1',
      [context.runId],
    )
    if ((found?.seq ?? 0) === tail.seq && (!found || found.hash === tail.hash)) return false
    const chained = chainJournal(first.batch, tail, '')
    if (found?.seq === chained.tail.seq && found.hash === chained.tail.hash) return true
    throw new StorageError('JOURNAL_GAP', `Run ${context.runId} ends at ${found?.seq ?? 0}, another writer has continued it`)
  }
  const exists = async (text: string, values: readonly unknown[]): Promise<boolean> => (await tx.one(text, values)) !== null
  const { accountId } = account.assignment
  const [intent] = commit.newIntents
  const intents =
    'select from order_intents i join order_logs o on o.order_id = i.order_id where i.name = $1 and o.connection_id = $2'
  if (intent) return exists(intents, [intent.id, accountId])
  const [transfer] = commit.transfers
  if (transfer) return exists('select from ledger_transfers where id = $1', [transferIdOf(accountId, transfer.cause)])
  const claim = commit.intentChanges.find(change => change.status === 'sent')
  if (claim) return exists(`${intents} and i.status = 'sent'`, [claim.id, accountId])
  return false
}

const EXPECTED = /^(CONFLICT|NOT_FOUND|INVALID_STATUS_TRANSITION): (.+)$/s

function accountError(error: unknown): unknown {
  if (error instanceof StorageError) return error
  const state = sqlState(error)
  const message = error instanceof Error ? error.message : String(error)
  if (state === 'EK001') return new StorageError('LEASE_LOST', message, { cause: error })
  if (state === 'EK002') return new StorageError('JOURNAL_GAP', message, { cause: error })
  const [, code, text] = (state === 'EK003' && EXPECTED.exec(message)) || []
  if (code && text) return new StorageError(code as StorageErrorCode, text, { cause: error })
  // Keys, references and checks: nothing of it was written.
  if (state?.startsWith('23')) return new StorageError('CONFLICT', message, { cause: error })
  return error
}
