// A store of accounts in memory that keeps every promise of the one on Postgres, for stories that are told ten thousand times: tokens,
// unique facts, whole commits, and a restart that finds plain data. One conformance suite holds both to it.

import type { Decimal } from '../core/money/decimal.ts'
import { type SafetyLevel, strictestLevel } from '../core/risk/safety.ts'
import type {
  AccountAssignment,
  AccountCommit,
  FillCursor,
  ForeignOrder,
  OrderRecord,
  SavedAccount,
  SavedBot,
  SavedIntent,
} from '../engine/account-store.ts'
import type { FundsImage, JournalEntry, SystemEvent, TradeImage } from '../engine/commit-batch.ts'
import type { AccountStore } from '../engine/ports.ts'
import { isSameCommit, oldestFirst } from '../storage/account-store-rules.ts'
import { StorageError } from '../storage/errors.ts'
import {
  type BookedTransfer,
  copyTables,
  emptyTables,
  type MemoryBot,
  MemoryTransaction,
  rebuiltBooks,
  refuse,
  type Tables,
} from './memory-tables.ts'

export interface NewMemoryAccount {
  readonly accountId: string
  readonly userId: string
  readonly exchange: string
  readonly bots: readonly { readonly botId: string; readonly runId: string }[]
}

/** What can go wrong around a commit; each may throw, or answer later. */
export interface MemoryFaults {
  /** Nothing has happened yet. */
  beforeCommit?(): void | Promise<void>
  /** It took effect; what is thrown here is an answer that was lost. */
  afterCommit?(): void | Promise<void>
  beforeRead?(): void | Promise<void>
}

/** All that was written of an account, for checks. Rows are frozen and never change. */
export interface MemoryAccountView {
  readonly token: number
  readonly commits: number
  readonly bots: ReadonlyMap<string, Readonly<MemoryBot>>
  /** By client order id. */
  order(clientOrderId: string): OrderRecord | undefined
  orders(): Iterable<OrderRecord>
  liveOrders(): OrderRecord[]
  /** By `<symbol>|<venue fill id>`, in the order of booking. */
  readonly fills: Tables['fills']
  /** In the order of booking. */
  transfers(): Iterable<BookedTransfer>
  /** Of one bot, from seq 1; payloads are the objects that were handed over. */
  journal(botId: string): readonly JournalEntry[]
  intents(): Iterable<SavedIntent>
  unsettledIntents(): SavedIntent[]
  trades(): Iterable<TradeImage & { readonly botId: string }>
  funds(): Iterable<FundsImage & { readonly botId: string }>
  events(): readonly (SystemEvent & { readonly botId: string; readonly atMs: number })[]
  cursors(): Iterable<FillCursor>
  foreignOrders(): Iterable<ForeignOrder>
  /** What the venue should hold, by currency, kept up with every transfer. */
  readonly balances: ReadonlyMap<string, Decimal>
  /** Books posted anew from the transfers alone: each bot's under its id, the account's own under ''. */
  rebuiltBooks(): ReturnType<typeof rebuiltBooks>
}

export interface MemorySnapshot {
  readonly tables: Tables
}

interface Account {
  readonly accountId: string
  readonly userId: string
  readonly exchange: string
  tables: Tables
  token: number
  commits: number
  safety: SafetyLevel
  /** The newest commit, to know it again, and whether its answer was lost. */
  last: AccountCommit | null
  inDoubt: boolean
}

export class MemoryAccountStore implements AccountStore {
  readonly #accounts = new Map<string, Account>()
  /** Part of client order ids; raised when a backup is restored. */
  epoch: number
  faults: MemoryFaults = {}

  constructor(epoch = 1) {
    this.epoch = epoch
  }

  /** @returns the assignment of its first holder. */
  open({ accountId, userId, exchange, bots }: NewMemoryAccount): AccountAssignment {
    const tables = emptyTables()
    this.#accounts.set(accountId, {
      accountId,
      userId,
      exchange,
      tables,
      token: 1,
      commits: 0,
      safety: 'normal',
      last: null,
      inDoubt: false,
    })
    for (const bot of bots) this.addBot(accountId, bot)
    return { accountId, userId, exchange, token: 1 }
  }

  addBot(accountId: string, { botId, runId }: { readonly botId: string; readonly runId: string }): void {
    this.#account(accountId).tables.bots.set(botId, {
      botId,
      runId,
      stateText: null,
      lastSeq: 0,
      lastBotTradeSeq: 0,
      totals: null,
      botStatus: null,
      pausedBy: [],
      safety: 'normal',
      damage: null,
    })
  }

  /** Another worker holds the account from now on: every call under an older token is refused. */
  takeOver(accountId: string): AccountAssignment {
    const account = this.#account(accountId)
    account.token += 1
    account.last = null
    account.inDoubt = false
    const { userId, exchange, token } = account
    return { accountId, userId, exchange, token }
  }

  setSafety(accountId: string, level: SafetyLevel, botId?: string): void {
    const account = this.#account(accountId)
    if (botId === undefined) account.safety = level
    else account.tables.bots.get(botId)!.safety = level
  }

  /** The state of a bot is found to be damaged at the next load. */
  damage(accountId: string, botId: string): void {
    this.#account(accountId).tables.bots.get(botId)!.damage = `The state of bot ${botId} is not the one its journal ended with`
  }

  snapshot(accountId: string): MemorySnapshot {
    return { tables: copyTables(this.#account(accountId).tables) }
  }

  /** As after a backup was restored: rows are those of the snapshot; the holder must be another one, and the epoch a new one. */
  restore(accountId: string, snapshot: MemorySnapshot): AccountAssignment {
    this.#account(accountId).tables = copyTables(snapshot.tables)
    return this.takeOver(accountId)
  }

  view(accountId: string): MemoryAccountView {
    const account = this.#account(accountId)
    const tables = (): Tables => account.tables
    return {
      get token() {
        return account.token
      },
      get commits() {
        return account.commits
      },
      get bots() {
        return tables().bots
      },
      get fills() {
        return tables().fills
      },
      get balances() {
        return tables().held
      },
      order: name => tables().orders.get(tables().names.get(name) ?? ''),
      orders: () => tables().orders.values(),
      liveOrders: () => [...tables().live].map(key => tables().orders.get(key)!),
      transfers: () => tables().transfers.values(),
      journal: botId => tables().journal.get(tables().bots.get(botId)?.runId ?? '') ?? [],
      intents: () => tables().intents.values(),
      unsettledIntents: () => unsettled(tables()),
      trades: () => tables().trades.values(),
      funds: () => tables().funds.values(),
      events: () => tables().events,
      cursors: () => tables().cursors.values(),
      foreignOrders: () => tables().foreignOrders.values(),
      rebuiltBooks: () => rebuiltBooks(tables().transfers.values()),
    }
  }

  async load(assignment: AccountAssignment, endedSinceMs: number): Promise<SavedAccount> {
    await this.faults.beforeRead?.()
    const { tables, safety } = this.#held(assignment)
    const orders = [...tables.orders].filter(
      ([key, { order }]) => tables.live.has(key) || (order.closedAtMs ?? 0) >= endedSinceMs,
    )
    const bookedFills = new Set<string>()
    for (const [key, fill] of tables.fills) if (fill.atMs >= endedSinceMs) bookedFills.add(key)
    const owing = new Set([...tables.live].map(key => tables.orders.get(key)!.botId))
    for (const intent of unsettled(tables)) owing.add(intent.botId)
    return {
      bots: [...tables.bots.values()]
        .filter(bot => (bot.totals?.status ?? 'running') === 'running' || owing.has(bot.botId))
        .map(bot => savedBot(bot, safety)),
      intents: unsettled(tables),
      orders: orders.map(([, record]) => record),
      bookedFills,
      cursors: [...tables.cursors.values()],
      foreignOrders: [...tables.foreignOrders.values()],
      balances: new Map(tables.held),
      safety,
    }
  }

  async commit(assignment: AccountAssignment, commit: AccountCommit): Promise<void> {
    await this.faults.beforeCommit?.()
    const account = this.#held(assignment)
    if (account.last && isSameCommit(account.last, commit, account.inDoubt)) {
      account.inDoubt = false
      return
    }
    const transaction = new MemoryTransaction(account.tables, this.epoch)
    try {
      transaction.apply(commit)
    } catch (error) {
      transaction.rollback()
      throw error
    }
    account.commits += 1
    account.last = commit
    account.inDoubt = false
    try {
      await this.faults.afterCommit?.()
    } catch (error) {
      account.inDoubt = true
      throw error
    }
  }

  async findOrder(assignment: AccountAssignment, clientOrderId: string): Promise<OrderRecord | null> {
    await this.faults.beforeRead?.()
    const { tables } = this.#held(assignment)
    return tables.orders.get(tables.names.get(clientOrderId) ?? '') ?? null
  }

  #account(accountId: string): Account {
    return this.#accounts.get(accountId) ?? refuse('NOT_FOUND', `There is no account ${accountId}`)
  }

  #held({ accountId, userId, token }: AccountAssignment): Account {
    const account = this.#account(accountId)
    if (account.userId !== userId) refuse('NOT_FOUND', `There is no account ${accountId}`)
    if (account.token !== token) {
      throw new StorageError('LEASE_LOST', `Token ${token} of account:${accountId} is stale`)
    }
    return account
  }
}

function unsettled(tables: Tables): SavedIntent[] {
  return oldestFirst([...tables.unsettled].map(id => tables.intents.get(id)!))
}

function savedBot(bot: MemoryBot, ofAccount: SafetyLevel): SavedBot {
  const { botId, runId, stateText, lastSeq, lastBotTradeSeq, damage } = bot
  const state: unknown = stateText === null || damage !== null ? null : JSON.parse(stateText)
  const safety = strictestLevel([ofAccount, bot.safety])
  return { botId, runId, state, lastSeq, nextBotTradeSeq: lastBotTradeSeq + 1, damage, safety }
}
