// The stream of what happens: each message names a topic and a bot, and whatever was read of them is read again. Several messages make
// one reading; nothing on the page is replaced, so focus and scroll stay where they are.

import type { QueryClient } from '@tanstack/react-query'
import { STREAM_TOPICS } from '../../../src/contract/system.ts'

type Topic = (typeof STREAM_TOPICS)[number]

/** Which endpoints a topic concerns. */
const CONCERNED: Readonly<Record<Topic, readonly string[]>> = {
  bots: ['listBots', 'getBot', 'botStatus', 'botRuns', 'botVersions', 'dashboardSummary'],
  orders: ['listOrders', 'botOrders', 'botStatus'],
  trades: ['listTrades', 'botTrades', 'tradeSummary', 'getTrade', 'botStatus', 'botMetrics', 'botEquity'],
  positions: ['listPositions', 'botPositions', 'botStatus'],
  funds: ['listFunds', 'botFunds', 'botStatus', 'ledgerAccounts'],
  decisions: ['botDecisions', 'botStatus'],
  events: ['botLogs', 'listEvents', 'getSafety', 'safetyHistory'],
}

let streaming = false
const listeners = new Set<() => void>()

export function isStreaming(): boolean {
  return streaming
}
export function subscribeStreaming(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
function setStreaming(now: boolean): void {
  if (now === streaming) return
  streaming = now
  for (const listener of listeners) listener()
}

/** A fast demo run commits each second; the server allows ten reads a second to everybody. */
const GATHER_MS = 1_500

/** Opens the stream and keeps it open; the browser reconnects by itself and sends Last-Event-ID. Returns how to close it. */
export function openStream(queries: QueryClient): () => void {
  const source = new EventSource('/api/stream')
  const gathered = new Map<string, Set<string | null>>()
  let timer: ReturnType<typeof setTimeout> | null = null

  const flush = () => {
    timer = null
    const now = new Map(gathered)
    gathered.clear()
    // A reading that is under way is let finish: on a busy bot each message would otherwise begin it anew.
    void queries.invalidateQueries(
      {
        predicate: ({ queryKey }) => {
          const bots = now.get(String(queryKey[0]))
          if (!bots) return false
          const id = (queryKey[1] as { id?: string } | null)?.id
          return id === undefined || bots.has(id) || bots.has(null) || !String(queryKey[0]).startsWith('bot')
        },
      },
      { cancelRefetch: false },
    )
  }
  const hear = (event: MessageEvent<string>) => {
    let message: { topic?: string; botId?: string | null }
    try {
      message = JSON.parse(event.data) as typeof message
    } catch {
      return
    }
    for (const name of CONCERNED[message.topic as Topic] ?? []) {
      const bots = gathered.get(name) ?? new Set()
      bots.add(message.botId ?? null)
      gathered.set(name, bots)
    }
    timer ??= setTimeout(flush, GATHER_MS)
  }
  source.onopen = () => setStreaming(true)
  source.onerror = () => setStreaming(false)
  source.onmessage = hear
  for (const topic of STREAM_TOPICS) source.addEventListener(topic, hear)
  source.addEventListener('reset', () => void queries.invalidateQueries())
  return () => {
    if (timer !== null) clearTimeout(timer)
    source.close()
    setStreaming(false)
  }
}
