// Durable order transactions of exchange accounts, beside raw SQL: the same statements with the same parameters, recorded from the store
// and sent by a plain driver connection, prepared by name, one transaction and one round trip each. What the store adds on top of it -
// rows, canonical JSON, hashes, checks - is all that the ratio can lose. Both write to copies of one database on one server, in turns.

import pg from 'pg'
import { Decimal } from '../../src/core/money/decimal.ts'
import { type Order, orderKeyText } from '../../src/core/orders/order.ts'
import {
  changeOf,
  commitOf,
  fillOf,
  orderOf,
  START_MS,
  StoryBot,
  SYMBOL,
  tradeOf,
  transfersOf,
} from '../../src/crash-lab/store-story.ts'
import type { AccountAssignment, AccountCommit } from '../../src/engine/account-store.ts'
import type { AccountStore } from '../../src/engine/ports.ts'
import { createAccountStore } from '../../src/storage/account-store.ts'
import type { Database } from '../../src/storage/database.ts'
import { type PipelineStatement, runPipeline } from '../../src/storage/pipeline.ts'
import { copyTestDatabase, openTestDatabase, type TestDatabase } from '../../src/storage/testing.ts'
import { startTestAccount } from '../../src/storage/testing-accounts.ts'

/** Bytes of a bot's state beside its counters: what a bot with one open deal of ten rungs has. */
const STATE_BYTES = 3_000

export interface CommitsMeasured {
  readonly clients: number
  readonly storePerSec: number
  readonly rawPerSec: number
  /** Raw statements one after the other, a round trip each. */
  readonly stepwisePerSec: number
  readonly statementsPerCommit: number
  readonly durable: string
}

interface Client {
  readonly assignment: AccountAssignment
  readonly bot: StoryBot
  n: number
}

/** The life of one order after the other: intended, claimed, confirmed by the venue, filled; four transactions each. */
function nextCommit(client: Client): AccountCommit {
  const { bot } = client
  const tradeSeq = Math.floor(client.n / 4) + 1
  const step = client.n % 4
  client.n += 1
  const order = orderOf({ tradeSeq, purpose: 'base', sequence: 1 })
  const intent = bot.intent(order)
  const commit = STEPS[step]!(bot, order, intent.id)
  bot.seq += 1
  return commit
}

const filler = 'x'.repeat(STATE_BYTES)

const STEPS: readonly ((bot: StoryBot, order: Order, intentId: string) => AccountCommit)[] = [
  (bot, order) =>
    commitOf({
      bots: [batchOf(bot, [order], { trades: [tradeOf(order.tradeSeq)] })],
      newIntents: [bot.intent(order)],
    }),
  (bot, order, id) =>
    commitOf({ bots: [batchOf(bot, [{ ...order, status: 'in_flight' }])], intentChanges: [changeOf(id, 'sent')] }),
  (bot, order, id) =>
    commitOf({
      bots: [batchOf(bot, [{ ...order, status: 'open' }])],
      words: [bot.word(order, `v-${bot.botId}-${order.tradeSeq}`)],
      intentChanges: [changeOf(id, 'settled')],
    }),
  (bot, order) => {
    const fill = fillOf(order, `f-${bot.botId}-${order.tradeSeq}`, '0.3')
    const cost = fill.price.times(fill.quantity)
    const filled: Order = {
      ...order,
      status: 'filled',
      filledQuantity: fill.quantity,
      filledValue: cost,
      closedAtMs: START_MS + bot.seq,
    }
    const trade = tradeOf(order.tradeSeq)
    const position = { ...trade.position, quantity: fill.quantity, averagePrice: fill.price, basis: cost }
    return commitOf({
      bots: [
        batchOf(bot, [filled], {
          fills: [fill],
          transfers: transfersOf(fill),
          trades: [{ ...trade, dealStatus: 'open', openedAtMs: START_MS + bot.seq, entryPrice: fill.price, position }],
          funds: [{ currency: 'USDT', free: Decimal.from(String(-30 * order.tradeSeq)), locked: Decimal.from('0') }],
        }),
      ],
      cursors: [{ symbol: SYMBOL, cursor: String(bot.seq), atMs: START_MS + bot.seq }],
    })
  },
]

function batchOf(bot: StoryBot, orders: readonly Order[], parts: Parameters<StoryBot['batch']>[0] = {}) {
  const seq = bot.seq + 1
  const event = {
    kind: 'order_event',
    atMs: START_MS + seq,
    orders: orders.map(orderKeyText),
    note: 'an event as it was stepped',
  }
  const journal = [{ seq, atMs: START_MS + seq, kind: 'order_event', payload: { event, commands: orders } }]
  return bot.batch({ orders, journal, state: { engine: { seq, filler, dust: {} } }, ...parts })
}

const BEGIN: PipelineStatement = { name: 'raw_begin', text: 'begin', values: [] }
const COMMIT: PipelineStatement = { name: 'raw_commit', text: 'commit', values: [] }

function tenantStatement(userId: string): PipelineStatement {
  return {
    name: 'raw_tenant',
    text: `select set_config('role', 'evenkeel_app', true), set_config('request.jwt.claims', $1, true), set_config('enable_seqscan', 'off', true)`,
    values: [JSON.stringify({ sub: userId, role: 'authenticated' })],
  }
}

/**
 * Many short rounds in which the three take turns, and the median of each: what else the machine does meets all of them alike.
 * @param perRound transactions of every client in a round.
 */
export async function measureCommits(clients: number, rounds: number, perRound: number): Promise<CommitsMeasured> {
  const origin = await openTestDatabase()
  const accounts = await Promise.all(Array.from({ length: clients }, () => startTestAccount(origin.db, 1)))
  const durable = await origin.db.withApp(tx =>
    tx.one<{ text: string }>(
      `select 'synchronous_commit ' || current_setting('synchronous_commit') || ', fsync ' || current_setting('fsync') as text`,
    ),
  )
  await origin.db.close()
  const ofStore = await copyTestDatabase(origin.url)
  const ofRaw = await copyTestDatabase(origin.url)
  const ofStepwise = await copyTestDatabase(origin.url)
  const raws = await connect(ofRaw, clients)
  const stepwise = await connect(ofStepwise, clients)
  try {
    const sets = accounts.map(({ assignment, botIds }): Client => ({ assignment, bot: new StoryBot(botIds[0]!), n: 0 }))
    const recorded = sets.map((): (readonly PipelineStatement[])[] => [])
    const store = recording(ofStore.db, sets, recorded)
    const took: Record<'store' | 'raw' | 'stepwise', number[]> = { store: [], raw: [], stepwise: [] }
    let statements = 0
    // The first rounds warm compiler, plans and caches of all sides up.
    for (let round = -3; round < rounds; round += 1) {
      const commits = sets.map(client => Array.from({ length: perRound }, () => nextCommit(client)))
      for (const list of recorded) list.length = 0
      const timed = async (side: keyof typeof took, work: (client: Client, i: number) => Promise<void>): Promise<void> => {
        const began = performance.now()
        await Promise.all(sets.map(work))
        if (round >= 0) took[side].push(performance.now() - began)
      }
      await timed('store', async ({ assignment }, i) => {
        for (const commit of commits[i]!) await store.commit(assignment, commit)
      })
      const inOneTrip = (): Promise<void> =>
        timed('raw', async ({ assignment }, i) => {
          const tenant = tenantStatement(assignment.userId)
          for (const list of recorded[i]!) await runPipeline(raws[i]!, [BEGIN, tenant, ...list, COMMIT])
        })
      const oneByOne = (): Promise<void> =>
        timed('stepwise', async ({ assignment }, i) => {
          const client = stepwise[i]!
          const tenant = tenantStatement(assignment.userId)
          for (const list of recorded[i]!) {
            for (const { name, text, values } of [BEGIN, tenant, ...list, COMMIT]) {
              await client.query({ name, text, values: [...values] })
            }
          }
        })
      for (const raw of round % 2 === 0 ? [inOneTrip, oneByOne] : [oneByOne, inOneTrip]) await raw()
      if (round >= 0) for (const list of recorded) for (const commit of list) statements += commit.length + 3
    }
    const perSec = (side: keyof typeof took): number => (clients * perRound * 1000) / median(took[side])
    return {
      clients,
      storePerSec: perSec('store'),
      rawPerSec: perSec('raw'),
      stepwisePerSec: perSec('stepwise'),
      statementsPerCommit: statements / (clients * rounds * perRound),
      durable: durable!.text,
    }
  } finally {
    await Promise.all([...raws, ...stepwise].map(client => client.end()))
    for (const copy of [ofStore, ofRaw, ofStepwise]) await copy.close()
    await origin.close()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

async function connect({ url }: TestDatabase, count: number): Promise<pg.Client[]> {
  const connections = Array.from({ length: count }, () => new pg.Client({ connectionString: url }))
  await Promise.all(connections.map(client => client.connect()))
  return connections
}

/** The store on a database that remembers what it was sent, by client. */
function recording(db: Database, sets: readonly Client[], recorded: (readonly PipelineStatement[])[][]): AccountStore {
  const lists = new Map(sets.map(({ assignment }, i) => [assignment.userId, recorded[i]!]))
  const database: Database = {
    ...db,
    pipelineTenant: (userId, statements) => {
      lists.get(userId)!.push(statements)
      return db.pipelineTenant(userId, statements)
    },
  }
  return createAccountStore({ database, epoch: 1 })
}
