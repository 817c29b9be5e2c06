// One feed per tenant who listens, however many windows he has open. A notification wakes it, a poll stands behind it; both only say
// "look again", and what is read decides what is sent.

import type { Database } from '../../storage/database.ts'
import type { Log } from '../../storage/log.ts'
import { type StreamMessage, startFeed, stepFeed, type Watermark } from './tenant-feed.ts'

/** Between two looks, however often a fast replay commits. */
const LOOK_EVERY_MS = 300
/** Without any notification. */
const POLL_MS = 4_000

export interface Subscription {
  /** Messages up to here have been sent or belong to the past; the rest comes through the listener. */
  readonly watermarkId: number
  end(): void
}

export interface StreamHub {
  open(): Promise<void>
  close(): Promise<void>
  /** The listener is called with batches in order, from the watermark on. */
  subscribe(userId: string, listener: (messages: readonly StreamMessage[]) => void): Promise<Subscription>
  /** Somebody wrote something of this tenant: his windows look again soon. */
  wake(userId: string): void
  /** Called when the server stops, so that open streams end. */
  onClose(listener: () => void): () => void
  readonly tenants: number
}

interface Feed {
  readonly listeners: Set<(messages: readonly StreamMessage[]) => void>
  readonly started: Promise<void>
  watermark: Watermark
  /** A look is wanted; the next one is due no earlier than `notBeforeMs`. */
  timer: NodeJS.Timeout | null
  looking: boolean
  again: boolean
  ended: boolean
}

export function createStreamHub({ database, log }: { database: Database; log: Log }): StreamHub {
  const feeds = new Map<string, Feed>()
  const closing = new Set<() => void>()
  const unlisten: (() => Promise<void>)[] = []
  let poll: NodeJS.Timeout | null = null

  const look = async (userId: string, feed: Feed): Promise<void> => {
    feed.timer = null
    if (feed.ended || feed.looking) {
      feed.again = true
      return
    }
    feed.looking = true
    feed.again = false
    try {
      const { messages, watermark } = await stepFeed(database, userId, feed.watermark)
      feed.watermark = watermark
      if (messages.length > 0) for (const listener of [...feed.listeners]) listener(messages)
    } catch (error) {
      // The poll looks again; whoever listens keeps his connection meanwhile.
      log.debug({ cause: (error as Error).message }, 'a stream could not look')
    } finally {
      feed.looking = false
      if (feed.again) wake(userId)
    }
  }

  const wake = (userId: string): void => {
    const feed = feeds.get(userId)
    if (!feed || feed.ended || feed.timer !== null) return
    feed.timer = setTimeout(() => void look(userId, feed), LOOK_EVERY_MS)
  }

  const wakeAll = (): void => {
    for (const userId of feeds.keys()) wake(userId)
  }

  const heard = (payload: string): void => {
    const userId = userIdOf(payload)
    if (userId === null) wakeAll()
    else wake(userId)
  }

  return {
    async open() {
      poll = setInterval(wakeAll, POLL_MS)
      poll.unref()
      for (const channel of ['ek_run', 'ek_command']) {
        try {
          unlisten.push(await database.listen(channel, heard))
        } catch (error) {
          log.warn({ channel, cause: (error as Error).message }, 'no notifications: streams are polled')
        }
      }
    },
    async close() {
      if (poll) clearInterval(poll)
      for (const listener of [...closing]) listener()
      for (const feed of feeds.values()) end(feed)
      feeds.clear()
      await Promise.all(unlisten.splice(0).map(stop => stop()))
    },
    async subscribe(userId, listener) {
      let feed = feeds.get(userId)
      if (!feed) {
        feed = newFeed(database, userId)
        feeds.set(userId, feed)
      }
      const mine = feed
      try {
        await mine.started
      } catch (error) {
        if (mine.listeners.size === 0 && feeds.get(userId) === mine) feeds.delete(userId)
        throw error
      }
      // Between here and the first look nothing can be lost: the watermark is where this listener begins.
      mine.listeners.add(listener)
      return {
        watermarkId: mine.watermark.eventId,
        end: () => {
          mine.listeners.delete(listener)
          if (mine.listeners.size > 0 || feeds.get(userId) !== mine) return
          end(mine)
          feeds.delete(userId)
        },
      }
    },
    wake,
    onClose(listener) {
      closing.add(listener)
      return () => closing.delete(listener)
    },
    get tenants() {
      return feeds.size
    },
  }
}

function newFeed(database: Database, userId: string): Feed {
  const feed: Feed = {
    listeners: new Set(),
    watermark: { eventId: 0, bots: new Map() },
    started: startFeed(database, userId).then(watermark => {
      feed.watermark = watermark
    }),
    timer: null,
    looking: false,
    again: false,
    ended: false,
  }
  return feed
}

function end(feed: Feed): void {
  feed.ended = true
  if (feed.timer) clearTimeout(feed.timer)
}

function userIdOf(payload: string): string | null {
  try {
    const parsed: unknown = JSON.parse(payload)
    if (typeof parsed === 'object' && parsed !== null && 'userId' in parsed && typeof parsed.userId === 'string')
      return parsed.userId
  } catch {
    // An empty payload follows a reconnect: anybody may have missed something.
  }
  return null
}
