// Exchange accounts for tests and measurements of storage: a connection with running bots, held under a lease.

import { randomBytes } from 'node:crypto'
import type { AccountAssignment } from '../engine/account-store.ts'
import { createBot } from './bots-store.ts'
import type { Database } from './database.ts'
import { upsertInstruments } from './instrument-store.ts'
import { createTestUser } from './testing.ts'

const EXCHANGE = 'binance'

export interface TestAccount {
  readonly assignment: AccountAssignment
  readonly botIds: readonly string[]
  readonly runIds: readonly string[]
  /** Another worker takes it over, as after the first one's lease has run out. */
  takeOver(): Promise<AccountAssignment>
}

/** Spot pairs against USDT of the exchange that test accounts are of. */
async function addInstruments(db: Database): Promise<void> {
  const rules = {
    kind: 'spot',
    tick: '0.01',
    step: '0.00001',
    minQty: '0',
    minNotional: '5',
    makerBps: '10',
    takerBps: '10',
  } as const
  await db.withApp(tx =>
    upsertInstruments(
      tx,
      ['BTC', 'ETH'].map(base => ({
        ...rules,
        exchange: EXCHANGE,
        symbol: `${base}/USDT`,
        base,
        quote: 'USDT',
        feeAsset: 'USDT',
      })),
    ),
  )
}

/** A connection of a new tenant with running live runs; rows are written directly, since nothing of the product starts live runs yet. */
export async function startTestAccount(db: Database, bots = 2): Promise<TestAccount> {
  await addInstruments(db)
  const userId = await createTestUser(db)
  const { accountId, botIds, runIds } = await db.withTenant(userId, async tx => {
    const account = await tx.one<{ id: string }>(
      `insert into exchange_keys (exchange, api_key_encrypted, api_secret_encrypted, status, user_id)
       values ($1, 'test', 'test', 'connected', $2) returning id`,
      [EXCHANGE, userId],
    )
    const botIds: string[] = []
    const runIds: string[] = []
    for (let n = 1; n <= bots; n += 1) {
      const { botId } = await createBot(tx, {
        name: `Test ${n}`,
        botType: 'dca',
        symbol: 'BTC/USDT',
        interval: '1m',
        config: { n },
        schemaVersion: 1,
      })
      const run = await tx.one<{ run_id: string }>(
        `insert into bot_runs (bot_id, bot_version, mode, status, initial_balance, connection_id, engine_version, meta, user_id)
         values ($1, 1, 'live', 'running', 1000, $2, 'test', '{"currency":"USDT"}', $3) returning run_id`,
        [botId, account!.id, userId],
      )
      await tx.query(`update bots set status = 'running', desired_state = 'running' where bot_id = $1`, [botId])
      botIds.push(botId)
      runIds.push(run!.run_id)
    }
    return { accountId: account!.id, botIds, runIds }
  })
  const renew = (worker: string, seconds: number): Promise<unknown> =>
    db.withApp(tx => tx.query(`select ek.renew_worker($1, 'host', 1, 'test', $2)`, [worker, seconds]))
  let holder = ''
  const takeOver = async (): Promise<AccountAssignment> => {
    // An expired lease can be taken over five seconds later.
    if (holder) await renew(holder, -6)
    holder = `w-${randomBytes(4).toString('hex')}`
    await renew(holder, 3600)
    const row = await db.withApp(tx =>
      tx.one<{ token: number }>('select ek.claim_scope($1, $2) as token', [`account:${accountId}`, holder]),
    )
    return { accountId, userId, exchange: EXCHANGE, token: row!.token }
  }
  return { assignment: await takeOver(), botIds, runIds, takeOver }
}
