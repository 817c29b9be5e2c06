// GET /stream: server-sent events. The connection lives long, so that what is checked once elsewhere is checked again here: that the
// session still holds, and that the client still takes what it is sent.

import { nearest } from '../../contract/finding.ts'
import { STREAM_TOPICS } from '../../contract/system.ts'
import { ApiError, validationError } from '../api-error.ts'
import { authenticate } from '../auth/authenticate.ts'
import type { Handler } from '../http.ts'
import { missedEvents, type StreamMessage, type StreamTopic } from './tenant-feed.ts'

const COMMENT_EVERY_MS = 15_000
/** Bytes a slow client may leave unread before it is sent away; it comes back with Last-Event-ID. */
const BACKLOG_BYTES = 1024 * 1024
const STREAMS_PER_USER = 20

const open = new Map<string, number>()

function topicsOf(text: string | undefined): ReadonlySet<StreamTopic> {
  if (text === undefined || text.trim() === '') return new Set(STREAM_TOPICS)
  const names = text.split(',').map(name => name.trim())
  const bad = names.filter(name => !STREAM_TOPICS.some(topic => topic === name))
  if (bad.length > 0) {
    throw validationError(
      bad.map(name => {
        const meant = nearest(name, STREAM_TOPICS)
        return {
          path: 'topics',
          code: 'BAD_ENUM' as const,
          message: `${name} is no topic${meant === null ? `: ${STREAM_TOPICS.join(', ')}` : `, ${meant}?`}`,
        }
      }),
    )
  }
  return new Set(names as StreamTopic[])
}

/** Null without one; -1 for text that is no id of ours, which is as old as can be. */
function lastEventId(header: string | string[] | undefined): number | null {
  if (header === undefined) return null
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : -1
}

function text(message: StreamMessage): string {
  return `id: ${message.id}\nevent: ${message.topic}\ndata: ${JSON.stringify(message)}\n\n`
}

export const streamRoute: Handler<'stream'> = async ({ context, principal, query, raw, reply }) => {
  const topics = topicsOf(query.topics)
  const { userId } = principal
  const count = open.get(userId) ?? 0
  if (count >= STREAMS_PER_USER)
    throw new ApiError('QUOTA_EXCEEDED', `More than ${STREAMS_PER_USER} streams are open; close some windows`)
  const wanted = (message: StreamMessage): boolean =>
    topics.has(message.topic) && (query.botId === undefined || message.botId === query.botId)
  const lastId = lastEventId(raw.headers['last-event-id'])

  // Messages that come while the past is being read wait for it.
  const waiting: StreamMessage[] = []
  let send = (messages: readonly StreamMessage[]): void => {
    waiting.push(...messages)
  }
  const subscription = await context.stream.subscribe(userId, messages => send(messages))
  let missed: StreamMessage[] | null = []
  try {
    if (lastId !== null)
      missed = lastId < 0 ? null : await missedEvents(context.database, userId, lastId, subscription.watermarkId)
  } catch (error) {
    subscription.end()
    throw error
  }

  open.set(userId, count + 1)
  reply.hijack()
  const out = reply.raw
  const headers = {
    ...reply.getHeaders(),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  }
  out.writeHead(200, headers as Record<string, string>)

  let ended = false
  const finish = (): void => {
    if (ended) return
    ended = true
    clearInterval(timer)
    subscription.end()
    offClose()
    const left = (open.get(userId) ?? 1) - 1
    if (left > 0) open.set(userId, left)
    else open.delete(userId)
    out.end()
  }
  const write = (chunk: string): void => {
    if (ended) return
    out.write(chunk)
    if (out.writableLength > BACKLOG_BYTES) {
      finish()
      out.destroy()
    }
  }
  const stillIn = async (): Promise<void> => {
    write(': alive\n\n')
    try {
      const now = await authenticate(context, raw)
      if (now === null || now.userId !== userId) finish()
    } catch (error) {
      // While the database is away nobody is sent away for it.
      if (error instanceof ApiError && error.status < 500) finish()
    }
  }
  const timer = setInterval(() => void stillIn(), COMMENT_EVERY_MS)
  timer.unref()
  const offClose = context.stream.onClose(finish)
  out.on('close', finish)
  out.on('error', finish)

  write('retry: 2000\n\n')
  if (missed === null) write(`id: ${subscription.watermarkId}\nevent: reset\ndata: {"id":"${subscription.watermarkId}"}\n\n`)
  else if (lastId === null) write(`id: ${subscription.watermarkId}\nevent: hello\ndata: {"id":"${subscription.watermarkId}"}\n\n`)
  for (const message of missed ?? []) if (wanted(message)) write(text(message))
  send = messages => {
    for (const message of messages) if (wanted(message)) write(text(message))
  }
  send(waiting.splice(0))
  return undefined as never
}
