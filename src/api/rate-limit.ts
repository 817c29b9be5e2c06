// How many requests one principal may make in a minute: a sliding window of two counters, so that a burst at the turn of a minute
// does not pass twice. Forgotten ones are swept, so that addresses cannot fill the memory.

export interface RateLimiter {
  /** Counts one request. @returns seconds to wait, 0 when it is allowed (a refused one is not counted). */
  take(key: string, limit: number): number
  readonly size: number
}

interface Window {
  startMs: number
  count: number
  former: number
}

const MINUTE_MS = 60_000
const SWEEP_AT = 10_000

export function createRateLimiter(now: () => number): RateLimiter {
  const windows = new Map<string, Window>()

  const sweep = (atMs: number): void => {
    for (const [key, window] of windows) if (atMs - window.startMs >= 2 * MINUTE_MS) windows.delete(key)
    // Still full: somebody uses ten thousand addresses at once. The oldest are forgotten first.
    for (const key of windows.keys()) {
      if (windows.size < SWEEP_AT) break
      windows.delete(key)
    }
  }

  return {
    take(key, limit) {
      const atMs = now()
      let window = windows.get(key)
      if (!window) {
        if (windows.size >= SWEEP_AT) sweep(atMs)
        window = { startMs: atMs, count: 0, former: 0 }
        windows.set(key, window)
      }
      const passed = atMs - window.startMs
      if (passed >= MINUTE_MS) {
        window.former = passed < 2 * MINUTE_MS ? window.count : 0
        window.count = 0
        window.startMs += Math.floor(passed / MINUTE_MS) * MINUTE_MS
      }
      const share = 1 - (atMs - window.startMs) / MINUTE_MS
      if (window.count + window.former * share + 1 > limit) {
        const untilNextMs = window.startMs + MINUTE_MS - atMs
        // With the former minute fading, room comes earlier than the window's end when that minute is what fills it.
        const fadeMs =
          window.count + 1 <= limit && window.former > 0
            ? ((window.count + window.former * share + 1 - limit) / window.former) * MINUTE_MS
            : untilNextMs
        return Math.max(1, Math.ceil(Math.min(fadeMs, untilNextMs) / 1000))
      }
      window.count += 1
      return 0
    },
    get size() {
      return windows.size
    },
  }
}
