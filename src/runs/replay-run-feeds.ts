// The feeds of a replay: the candles that the run was fed with, as fast as they can be read, late where they were late then.

import type { Candle } from '../core/market/candles.ts'
import { DEMO_END_MS, type DemoMarket } from '../core/market/demo-market.ts'
import { bucketStart } from '../core/market/timeframe.ts'
import type { CandleFeed, FeedTick } from './feed-pump.ts'
import { createFeedOpener, type DemoSource, FeedError, type FeedOpener } from './open-feed.ts'
import type { HistorySource } from './ports.ts'

/** Open times of candles that came too late for decisions, both ends included. */
export interface LateRange {
  readonly fromMs: number
  readonly toMs: number
}

export interface RecordedFeeds {
  readonly history: HistorySource
  readonly market: DemoMarket
  /** First instant of the run. */
  readonly startMs: number
  readonly late: readonly LateRange[]
  /** The demo market's candles that open at or after this are not read. */
  readonly demoUntilMs: number
}

/** @throws INSUFFICIENT_DATA from `open` where the candles no longer reach back to the run's first instant. */
export function recordedFeeds(feeds: RecordedFeeds): FeedOpener {
  const { startMs } = feeds
  const never = async (): Promise<void> => {}
  const opener = createFeedOpener({
    store: { saveDemoClock: never },
    history: feeds.history,
    demo: recordedDemo(feeds),
    now: () => 0,
    sleep: never,
  })
  return {
    venueTimeframe: (...args) => opener.venueTimeframe(...args),
    async open(request) {
      const { feed } = request.saved
      if (feed.kind === 'replay') {
        let firstMs = Number.POSITIVE_INFINITY
        for (const { instrument } of request.prepared.pairs) {
          const columns = await feeds.history.columns(instrument.id, request.venueTimeframe, undefined, feed.toMs)
          firstMs = Math.min(firstMs, columns.openTimeMs[0] ?? Number.POSITIVE_INFINITY)
        }
        if (firstMs > startMs) throw missingSince(request.venueTimeframe, startMs, firstMs)
      }
      return opener.open({ ...request, startMs: request.startMs ?? startMs })
    },
  }
}

function missingSince(timeframe: string, startMs: number, firstMs: number): FeedError {
  const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
  const now = Number.isFinite(firstMs) ? `the first one stored opens at ${day(firstMs)}` : 'none is stored'
  return new FeedError(
    'INSUFFICIENT_DATA',
    `the run began at ${day(startMs)} UTC over ${timeframe} candles; ${now}: import them again first`,
  )
}

/** The demo market without a clock: each minute at once. */
function recordedDemo(feeds: RecordedFeeds): DemoSource {
  const unused = (what: string) => (): never => {
    throw new Error(`a replay has no ${what}`)
  }
  return {
    market: feeds.market,
    clock: unused('clock of its own'),
    marketNow: () => feeds.startMs,
    subscribe: symbols => new RecordedDemoFeed(feeds, symbols),
  }
}

const MINUTE = 60_000

class RecordedDemoFeed implements CandleFeed {
  readonly timeframe = '1m'
  readonly #feeds: RecordedFeeds
  readonly #symbols: readonly string[]
  #stopped = false

  constructor(feeds: RecordedFeeds, symbols: readonly string[]) {
    this.#feeds = feeds
    this.#symbols = symbols
  }

  async *start(afterMs: number | null): AsyncGenerator<FeedTick, void, void> {
    const { market, startMs, demoUntilMs, late } = this.#feeds
    const endMs = Math.min(demoUntilMs, DEMO_END_MS)
    let range = 0
    for (let openMs = bucketStart('1m', afterMs ?? startMs - MINUTE) + MINUTE; openMs < endMs; openMs += MINUTE) {
      if (this.#stopped) return
      const candles = new Map<string, Candle>()
      for (const symbol of this.#symbols) {
        const candle = market.candle(symbol, openMs)
        if (candle) candles.set(symbol, candle)
      }
      while (range < late.length && late[range]!.toMs < openMs) range += 1
      const found = late[range]
      yield { atMs: openMs, candles, late: found !== undefined && found.fromMs <= openMs }
    }
  }

  stop(): void {
    this.#stopped = true
  }
}
