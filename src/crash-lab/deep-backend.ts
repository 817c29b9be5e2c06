// The deep mode: the same stories on the store that the product uses, in a real PostgreSQL. Virtual time stands still while the
// database works, so that everything else of a story stays as it is.

import { randomBytes } from 'node:crypto'
import { instrumentFromRules, instrumentRules } from '../core/market/instrument.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { AccountAssignment, AccountCommit } from '../engine/account-store.ts'
import type { AccountStore } from '../engine/ports.ts'
import { createAccountStore } from '../storage/account-store.ts'
import { createBot } from '../storage/bots-store.ts'
import type { Database } from '../storage/database.ts'
import { StorageError } from '../storage/errors.ts'
import { upsertInstruments } from '../storage/instrument-store.ts'
import { changeSafety } from '../storage/safety-store.ts'
import type { LabBackend } from './backend.ts'
import { AnswerLost } from './lab-store.ts'
import type { Story } from './story.ts'

/** A story needs its rows first: a tenant, a connection, running bots. The bots have the ids that the database gave them. */
export async function openDeepStory(db: Database, story: Story): Promise<{ story: Story; backend: LabBackend }> {
  const exchange = story.instruments[0]!.exchange
  const userId = crypto.randomUUID()
  await db.withApp(tx => upsertInstruments(tx, story.instruments.map(instrumentFromRules).map(instrumentRules)))
  await db.withTenant(userId, tx =>
    tx.query('insert into users (id, email) values ($1, $2)', [userId, `${randomBytes(6).toString('hex')}@crash-lab.invalid`]),
  )
  const { accountId, bots } = await db.withTenant(userId, async tx => {
    const account = await tx.one<{ id: string }>(
      `insert into exchange_keys (exchange, api_key_encrypted, api_secret_encrypted, status, user_id)
       values ($1, 'lab', 'lab', 'connected', $2) returning id`,
      [exchange, userId],
    )
    const bots = []
    for (const bot of story.bots) {
      const [config] = bot.versions
      const { botId } = await createBot(tx, {
        name: bot.botId,
        botType: 'dca',
        symbol: config!.pairs[0]!,
        interval: config!.timeframe,
        config,
        schemaVersion: 1,
      })
      const run = await tx.one<{ run_id: string }>(
        `insert into bot_runs (bot_id, bot_version, mode, status, initial_balance, connection_id, engine_version, meta, user_id)
         values ($1, 1, 'live', 'running', $2, $3, 'lab', $4, $5) returning run_id`,
        [botId, bot.initialBalance, account!.id, JSON.stringify({ currency: story.instruments[0]!.quote }), userId],
      )
      await tx.query(`update bots set status = 'running', desired_state = 'running' where bot_id = $1`, [botId])
      bots.push({ ...bot, botId, runId: run!.run_id })
    }
    return { accountId: account!.id, bots }
  })
  return { story: { ...story, bots }, backend: new DeepBackend(db, { accountId, userId, exchange }) }
}

class DeepBackend implements LabBackend {
  readonly #db: Database
  readonly #account: Omit<AccountAssignment, 'token'>
  readonly #flaky: Database
  #store: AccountStore
  #holder = ''
  #losesAnswer = false
  #tookEffect = false
  #last: AccountCommit | null = null

  constructor(db: Database, account: Omit<AccountAssignment, 'token'>) {
    this.#db = db
    this.#account = account
    this.#flaky = {
      ...db,
      pipelineTenant: async (...args: Parameters<typeof db.pipelineTenant>) => {
        const result = await db.pipelineTenant(...args)
        this.#tookEffect = true
        if (this.#losesAnswer) throw new StorageError('DATABASE_UNAVAILABLE', 'the connection broke during the commit')
        return result
      },
    }
    this.#store = createAccountStore({ database: this.#flaky, epoch: 1 })
  }

  get store(): AccountStore {
    return this.#store
  }

  async commit(assignment: AccountAssignment, commit: AccountCommit, losesAnswer: boolean): Promise<boolean> {
    this.#losesAnswer = losesAnswer
    this.#tookEffect = false
    try {
      await this.#store.commit(assignment, commit)
    } catch (error) {
      if (!this.#tookEffect || !losesAnswer) throw error
      this.#last = commit
      throw new AnswerLost('the commit took effect, its answer was lost')
    } finally {
      this.#losesAnswer = false
    }
    const isNew = commit !== this.#last
    this.#last = commit
    return isNew
  }

  async takeOver(): Promise<AccountAssignment> {
    const renew = (worker: string, seconds: number): Promise<unknown> =>
      this.#db.withApp(tx => tx.query(`select ek.renew_worker($1, 'lab', 1, 'lab', $2)`, [worker, seconds]))
    // The former holder's lease is over, and five seconds more.
    if (this.#holder !== '') await renew(this.#holder, -6)
    this.#holder = `lab-${randomBytes(4).toString('hex')}`
    await renew(this.#holder, 3600)
    const claimed = await this.#db.withApp(tx =>
      tx.one<{ token: number }>('select ek.claim_scope($1, $2) as token', [`account:${this.#account.accountId}`, this.#holder]),
    )
    // A new process knows nothing of the former one.
    this.#store = createAccountStore({ database: this.#flaky, epoch: 1 })
    return { ...this.#account, token: claimed!.token }
  }

  async setSafety(level: SafetyLevel): Promise<void> {
    const { accountId, userId } = this.#account
    await this.#db.withTenant(userId, tx =>
      changeSafety(tx, { scope: 'account', scopeId: accountId }, () => ({ state: level, reason: 'a story', actor: 'lab' })),
    )
  }

  snapshot(): null {
    return null
  }

  restore(): Promise<AccountAssignment> {
    throw new Error('a backup is only put back in memory')
  }

  setEpoch(): void {}
}
