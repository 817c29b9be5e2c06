// Tells listeners that runs have moved on, after the commit and outside of it: a notification inside of a transaction makes all commits
// of the server wait for each other's disk, one at a time. One that is lost is made up by the listeners' polls.

import type { Database } from './database.ts'

/** Between two announcements; runs that move meanwhile are told together, each with its newest entry. */
const EVERY_MS = 20

export interface RunNews {
  readonly userId: string
  readonly botId: string
  readonly runId: string
  readonly seq: number
}

class Announcer {
  readonly #db: Database
  readonly #pending = new Map<string, RunNews>()
  #isSending = false
  #timer: NodeJS.Timeout | null = null
  #lastAtMs = 0

  constructor(db: Database) {
    this.#db = db
  }

  tell(news: RunNews): void {
    this.#pending.set(news.runId, news)
    this.#plan()
  }

  #plan(): void {
    if (this.#isSending || this.#timer) return
    const waitMs = this.#lastAtMs + EVERY_MS - performance.now()
    if (waitMs <= 0) {
      void this.#send()
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#send()
    }, waitMs)
    this.#timer.unref()
  }

  async #send(): Promise<void> {
    const texts = [...this.#pending.values()].map(news => JSON.stringify(news))
    this.#pending.clear()
    this.#isSending = true
    this.#lastAtMs = performance.now()
    try {
      await this.#db.withApp(tx => tx.query(`select pg_notify('ek_run', news) from unnest($1::text[]) as news`, [texts]))
    } catch {
      // The database is away: whoever listens has lost his connection, too, and looks anew when it is back.
    } finally {
      this.#isSending = false
      if (this.#pending.size > 0) this.#plan()
    }
  }
}

const ANNOUNCERS = new WeakMap<Database, Announcer>()

/** Soon and at most once; never fails. */
export function announceRun(db: Database, news: RunNews): void {
  let announcer = ANNOUNCERS.get(db)
  if (!announcer) {
    announcer = new Announcer(db)
    ANNOUNCERS.set(db, announcer)
  }
  announcer.tell(news)
}
