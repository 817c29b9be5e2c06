// What one tenant is told: the events of his system log one by one, and for everything else that a bot's rows have changed. Readers stay
// behind the oldest open transaction: ids are given out before they are committed, and a later id may be seen first.

import type { z } from 'zod'
import { type EventRow, eventSchema } from '../../contract/decisions.ts'
import { STREAM_TOPICS, type streamMessageSchema } from '../../contract/system.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import { columnsOf } from '../list.ts'

export type StreamMessage = z.output<typeof streamMessageSchema>
export type StreamTopic = (typeof STREAM_TOPICS)[number]

/** Events sent at once after a pause; beyond that a client does better to load its lists anew. */
export const REPLAY_MAX = 2000

/** Committed, and everything with a smaller id as well. age() counts transactions back from now, whatever the counter's wrap. */
const SETTLED = `age(t.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)`

export interface Watermark {
  /** Id of the last event sent. */
  readonly eventId: number
  /** By bot: what was sent of it last. */
  readonly bots: ReadonlyMap<string, string>
}

async function lastSettledId(tx: Transaction): Promise<number> {
  const row = await tx.one<{ id: number | null }>(`select max(t.id) as id from system_events t where ${SETTLED}`)
  return row?.id ?? 0
}

interface BotTick {
  readonly botId: string
  readonly status: string
  readonly desiredState: string
  readonly pausedBy: unknown
  readonly version: number
  readonly lastError: string | null
  readonly deleted: boolean
  readonly runId: string | null
  readonly seq: number | null
}

/** Where every visible bot stands. */
async function botTicks(tx: Transaction): Promise<BotTick[]> {
  const { rows } = await tx.query<BotTick>(
    `select b.bot_id as "botId", b.status, b.desired_state as "desiredState", b.paused_by as "pausedBy", b.version,
       b.last_error as "lastError", b.deleted_at is not null as deleted, r.run_id as "runId",
       (select j.seq from journal j where j.run_id = r.run_id order by j.seq desc limit 1) as seq
     from bots b left join lateral (select run_id from bot_runs where bot_id = b.bot_id and mode <> 'backtest'
       order by started_at desc limit 1) r on true
     where not b.hidden and (b.deleted_at is null or b.deleted_at > now() - interval '1 hour') order by b.bot_id`,
  )
  return rows
}

/** Topics whose rows may have changed with a commit of a run. */
const RUN_TOPICS: readonly StreamTopic[] = STREAM_TOPICS.filter(topic => topic !== 'bots' && topic !== 'events')

export interface FeedStep {
  readonly messages: readonly StreamMessage[]
  readonly watermark: Watermark
}

/** Where a tenant's feed stands now; nothing is sent of the past. */
export async function startFeed(database: Database, userId: string): Promise<Watermark> {
  return database.withTenant(
    userId,
    async tx => ({
      eventId: await lastSettledId(tx),
      bots: new Map((await botTicks(tx)).map(tick => [tick.botId, JSON.stringify(tick)])),
    }),
    { readOnly: true, isolation: 'repeatable read' },
  )
}

/** Everything since a watermark. */
export async function stepFeed(database: Database, userId: string, from: Watermark): Promise<FeedStep> {
  return database.withTenant(
    userId,
    async tx => {
      const events = await eventsAfter(tx, from.eventId, REPLAY_MAX)
      const eventId = events.at(-1) === undefined ? from.eventId : Number(events.at(-1)!.id)
      const messages: StreamMessage[] = events.map(eventMessage)
      const bots = new Map<string, string>()
      for (const tick of await botTicks(tx)) {
        const now = JSON.stringify(tick)
        bots.set(tick.botId, now)
        const before = from.bots.get(tick.botId)
        if (before === now) continue
        messages.push(...tickMessages(tick, before, String(eventId)))
      }
      return { messages, watermark: { eventId, bots } }
    },
    { readOnly: true, isolation: 'repeatable read' },
  )
}

function tickMessages(tick: BotTick, before: string | undefined, id: string): StreamMessage[] {
  const { botId, runId, seq } = tick
  const former = before === undefined ? null : (JSON.parse(before) as BotTick)
  const messages: StreamMessage[] = [{ id, topic: 'bots', botId, data: tick }]
  if (former?.seq !== seq || former?.runId !== runId) {
    messages.push(...RUN_TOPICS.map(topic => ({ id, topic, botId, data: { runId, seq } })))
  }
  return messages
}

async function eventsAfter(tx: Transaction, eventId: number, limit: number): Promise<EventRow[]> {
  const { rows } = await tx.query<EventRow>(
    `select ${columnsOf(eventSchema)} from system_events t where t.id > $1 and ${SETTLED} order by t.id limit $2`,
    [eventId, limit],
  )
  return rows
}

function eventMessage(event: EventRow): StreamMessage {
  return { id: String(event.id), topic: 'events', botId: event.botId, data: event }
}

/** Events a client missed, up to a watermark; null when that is too many or too long ago. */
export async function missedEvents(
  database: Database,
  userId: string,
  afterId: number,
  upToId: number,
): Promise<StreamMessage[] | null> {
  return database.withTenant(
    userId,
    async tx => {
      if (afterId > upToId) return null
      const { rows } = await tx.query<EventRow>(
        `select ${columnsOf(eventSchema)} from system_events t where t.id > $1 and t.id <= $2 order by t.id limit $3`,
        [afterId, upToId, REPLAY_MAX + 1],
      )
      if (rows.length > REPLAY_MAX) return null
      // Retention takes old events away: what was there behind the client's last one cannot be told any more.
      const oldest = await tx.one<{ id: number | null }>('select min(id) as id from system_events')
      if (afterId > 0 && oldest?.id != null && afterId + 1 < oldest.id) {
        const known = await tx.one('select 1 from system_events where id = $1', [afterId])
        if (!known) return null
      }
      return rows.map(eventMessage)
    },
    { readOnly: true },
  )
}
