// What a store of exchange accounts has to bring along to be put to the suite of its promises, and the hands that write to it.

import assert from 'node:assert/strict'
import { Decimal } from '../core/money/decimal.ts'
import type { Order } from '../core/orders/order.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { AccountAssignment, AccountCommit } from '../engine/account-store.ts'
import type { AccountStore } from '../engine/ports.ts'
import type { VenueOrder } from '../engine/venue.ts'
import { commitOf, orderOf, plain, Reckoning, START_MS, StoryBot, SYMBOL, tradeOf } from './store-story.ts'

/** Rows of one account, counted beside the store. */
export interface AccountCounts {
  readonly journal: number
  readonly orders: number
  readonly fills: number
  readonly transfers: number
  readonly intents: number
  readonly events: number
}

/** A store with one account of two bots, SYMBOL and OTHER_SYMBOL known, and one account of another tenant with a bot. */
export interface StoreUnderTest {
  readonly store: AccountStore
  readonly assignment: AccountAssignment
  readonly botIds: readonly [string, string]
  readonly other: { readonly assignment: AccountAssignment; readonly botId: string }
  /** Another worker takes the account: a higher token. */
  takeOver(): Promise<AccountAssignment>
  /** From now on: commits that do not reach the store, or whose answer is lost. */
  lose(when: 'before' | 'after' | null): void
  /** The same rows, opened by another process. */
  reopened(): AccountStore
  damageState(botId: string): Promise<void>
  setSafety(level: SafetyLevel, botId?: string): Promise<void>
  counts(): Promise<AccountCounts>
  close(): Promise<void>
}

export const BASE = { tradeSeq: 1, purpose: 'base', sequence: 1 } as const
export const AVG = { tradeSeq: 1, purpose: 'avg', sequence: 1 } as const
export const ENDED_MS = START_MS + 1_000

/** Whether an error has one of these codes. */
export function code(...expected: readonly string[]): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof Error && 'code' in error, `an error with a code, not ${String(error)}`)
    assert.ok(expected.includes(String(error.code)), `${expected.join(' or ')}, not ${String(error.code)}: ${error.message}`)
    return true
  }
}

/** Commits and keeps the reckoning. */
export class Story {
  readonly under: StoreUnderTest
  readonly one: StoryBot
  readonly two: StoryBot
  readonly reckoning = new Reckoning()

  constructor(under: StoreUnderTest) {
    this.under = under
    this.one = new StoryBot(under.botIds[0])
    this.two = new StoryBot(under.botIds[1])
  }

  async write(parts: Partial<AccountCommit>, assignment = this.under.assignment): Promise<AccountCommit> {
    const commit = commitOf(parts)
    await this.under.store.commit(assignment, commit)
    this.taken(commit)
    return commit
  }

  taken(commit: AccountCommit): void {
    this.reckoning.take(commit)
    for (const { botId, batch } of commit.bots) (botId === this.one.botId ? this.one : this.two).seq = batch.lastSeq
  }

  /** The account as the store and as another process give it back, against the reckoning. */
  async check(endedSinceMs = 0, assignment = this.under.assignment): Promise<void> {
    for (const store of [this.under.store, this.under.reopened()]) {
      const { bots, safety, ...rest } = await store.load(assignment, endedSinceMs)
      assert.equal(safety, 'normal')
      const written = bots.filter(bot => bot.lastSeq > 0)
      assert.deepEqual(
        plain({
          ...rest,
          bookedFills: [...rest.bookedFills],
          balances: [...rest.balances],
          bots: written.map(({ botId, state, lastSeq }) => ({ botId, state, lastSeq })),
        }),
        this.reckoning.account(endedSinceMs),
      )
      for (const bot of bots) assert.equal(bot.damage, null)
    }
  }

  /** A deal with a base order that is intended, and the intent to place it. */
  async openDeal(): Promise<Order> {
    const order = orderOf(BASE)
    await this.write({
      bots: [this.one.batch({ trades: [tradeOf(1)], orders: [order] })],
      newIntents: [this.one.intent(order)],
    })
    return order
  }
}

export const FOREIGN: VenueOrder = {
  symbol: SYMBOL,
  clientOrderId: null,
  venueOrderId: 'x-1',
  side: 'sell',
  type: 'limit',
  quantity: Decimal.from('2.50'),
  limitPrice: Decimal.from('140'),
  stopPrice: null,
  status: 'open',
  executedQuantity: null,
  updatedAtMs: START_MS,
  isTriggered: false,
  reason: null,
}
