// The event stream over a real socket: what happens is told to whom it concerns, in order, and nothing is missed in between.

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { STREAM_TOPICS } from '../contract/system.ts'
import { recordBotEvent } from '../storage/bots-store.ts'
import { commitBatch } from '../storage/run-commit-store.ts'
import { startTestRun, testBatch } from '../storage/testing-batches.ts'
import { type Client, errorCode, openTestServer, type TestServer } from './testing.ts'

interface Message {
  readonly event: string
  readonly id: string
  readonly data: { id: string; topic?: string; botId?: string | null; data?: Record<string, unknown> }
}

interface Listener {
  readonly messages: Message[]
  readonly status: number
  /** Resolves with the first message, old or new, that fits. */
  until(fits: (message: Message) => boolean, what: string): Promise<Message>
  readonly ended: Promise<void>
  close(): void
}

let server: TestServer
let port: number
let ada: Client
let bert: Client
before(async () => {
  server = await openTestServer()
  ada = await server.signUp()
  bert = await server.signUp()
  await server.app.listen({ host: '127.0.0.1', port: 0 })
  port = (server.app.server.address() as { port: number }).port
})
after(() => server.close())

function listen(client: Client, query = '', headers: Record<string, string> = {}): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        port,
        host: '127.0.0.1',
        path: `/api/stream${query}`,
        headers: { cookie: client.cookie, accept: 'text/event-stream', ...headers },
      },
      reply => {
        const messages: Message[] = []
        const waiting = new Set<() => void>()
        let rest = ''
        reply.setEncoding('utf8')
        reply.on('data', (chunk: string) => {
          const parts = (rest + chunk).split('\n\n')
          rest = parts.pop() ?? ''
          for (const part of parts) {
            const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1]
            const data = field('data')
            if (data !== undefined)
              messages.push({
                event: field('event') ?? 'message',
                id: field('id') ?? '',
                data: JSON.parse(data) as Message['data'],
              })
          }
          for (const check of waiting) check()
        })
        const ended = new Promise<void>(done => reply.on('close', () => done()))
        resolve({
          messages,
          status: reply.statusCode ?? 0,
          ended,
          close: () => call.destroy(),
          until: (fits, what) =>
            new Promise((found, missing) => {
              const timer = setTimeout(
                () => missing(new Error(`no ${what} in ${JSON.stringify(messages.map(one => [one.event, one.id]))}`)),
                10_000,
              )
              const check = () => {
                const message = messages.find(fits)
                if (!message) return
                clearTimeout(timer)
                waiting.delete(check)
                found(message)
              }
              waiting.add(check)
              check()
            }),
        })
      },
    )
    call.on('error', error => (error.message.includes('socket hang up') ? undefined : reject(error)))
    call.end()
  })
}

/** Written by another process, which wakes the stream as a worker does. */
const event = (client: Client, botId: string, type: string) =>
  server.database.db.withTenant(client.userId, async tx => {
    await recordBotEvent(tx, botId, type, `${type} happened`)
    await tx.query(`select pg_notify('ek_run', $1)`, [JSON.stringify({ userId: client.userId })])
  })

test('a commit of a run is told on every topic, with the event rows themselves', async () => {
  const run = await startTestRun(server.database.db, ada.userId)
  const stream = await listen(ada)
  assert.equal(stream.status, 200)
  await stream.until(message => message.event === 'hello', 'hello')
  await commitBatch(server.database.db, run, testBatch(1))
  await event(ada, run.botId, 'LOOKED_AT')
  const told = await stream.until(message => message.data.data?.['eventType'] === 'LOOKED_AT', 'event')
  assert.equal(told.data.botId, run.botId)
  assert.equal(told.id, String(told.data.data?.['id']))
  for (const topic of STREAM_TOPICS.filter(one => one !== 'events')) {
    const message = await stream.until(one => one.event === topic, topic)
    assert.equal(message.data.botId, run.botId)
  }
  stream.close()
})

test('topics and a bot narrow it; a topic that is none is refused with a suggestion', async () => {
  const run = await startTestRun(server.database.db, ada.userId)
  const other = await startTestRun(server.database.db, ada.userId)
  const stream = await listen(ada, `?topics=events&botId=${run.botId}`)
  await stream.until(message => message.event === 'hello', 'hello')
  await event(ada, other.botId, 'ELSEWHERE')
  await event(ada, run.botId, 'HERE')
  await stream.until(message => message.data.data?.['eventType'] === 'HERE', 'event')
  assert.deepEqual([...new Set(stream.messages.map(one => one.event))], ['hello', 'events'])
  assert.ok(!stream.messages.some(one => one.data.data?.['eventType'] === 'ELSEWHERE'))
  stream.close()
  const bad = await ada.call('GET', '/api/stream?topics=bot')
  assert.equal(errorCode(bad), 'VALIDATION_ERROR')
  assert.match(bad.text, /bots\?/)
})

test('nothing of another person is told', async () => {
  const run = await startTestRun(server.database.db, ada.userId)
  const mine = await startTestRun(server.database.db, bert.userId)
  const stream = await listen(bert)
  await stream.until(message => message.event === 'hello', 'hello')
  await event(ada, run.botId, 'PRIVATE')
  await commitBatch(server.database.db, run, testBatch(1))
  await event(bert, mine.botId, 'MINE')
  await stream.until(message => message.data.data?.['eventType'] === 'MINE', 'own event')
  const text = JSON.stringify(stream.messages)
  assert.ok(!text.includes(run.botId) && !text.includes('PRIVATE'))
  stream.close()
})

test('a client that comes back gets what it missed, once and in order', async () => {
  const run = await startTestRun(server.database.db, ada.userId)
  const first = await listen(ada, '?topics=events')
  await event(ada, run.botId, 'BEFORE')
  const last = await first.until(message => message.data.data?.['eventType'] === 'BEFORE', 'event')
  first.close()
  for (const type of ['MISSED_1', 'MISSED_2', 'MISSED_3']) await event(ada, run.botId, type)
  const again = await listen(ada, '?topics=events', { 'last-event-id': last.id })
  await event(ada, run.botId, 'AFTER')
  await again.until(message => message.data.data?.['eventType'] === 'AFTER', 'event')
  assert.deepEqual(
    again.messages.map(one => one.data.data?.['eventType']),
    ['MISSED_1', 'MISSED_2', 'MISSED_3', 'AFTER'],
  )
  again.close()
})

test('a transaction that commits late is not skipped by ids that were seen before it', async () => {
  const { db } = server.database
  const run = await startTestRun(db, ada.userId)
  const stream = await listen(ada, '?topics=events')
  await stream.until(message => message.event === 'hello', 'hello')
  let finish = (): void => undefined
  const held = new Promise<void>(resolve => {
    finish = resolve
  })
  let written = (): void => undefined
  const wrote = new Promise<void>(resolve => {
    written = resolve
  })
  const late = db.withTenant(ada.userId, async tx => {
    await recordBotEvent(tx, run.botId, 'LATE', 'its id is the smaller one')
    written()
    await held
  })
  await wrote
  await event(ada, run.botId, 'EARLY')
  await new Promise(resolve => setTimeout(resolve, 1_000))
  assert.ok(!stream.messages.some(one => one.data.data?.['eventType'] === 'EARLY'), 'readers stay behind the open transaction')
  finish()
  await late
  await event(ada, run.botId, 'NEXT')
  await stream.until(message => message.data.data?.['eventType'] === 'NEXT', 'event')
  // What was written just before the stream was opened may be told as well.
  const told = stream.messages.filter(one => one.event === 'events').map(one => String(one.data.data?.['eventType']))
  assert.deepEqual(
    told.filter(type => ['LATE', 'EARLY', 'NEXT'].includes(type)),
    ['LATE', 'EARLY', 'NEXT'],
  )
  stream.close()
})

test('an id of the future, of nobody, or too old is answered with reset', async () => {
  for (const id of ['999999999', 'x', '-1']) {
    const stream = await listen(ada, '', { 'last-event-id': id })
    await stream.until(message => message.event === 'reset', `reset for ${id}`)
    stream.close()
  }
})

test('without a session there is no stream', async () => {
  const reply = await server.call('GET', '/api/stream')
  assert.equal(errorCode(reply), 'UNAUTHENTICATED')
})

test('an event nobody was woken for is found by the poll', async () => {
  const run = await startTestRun(server.database.db, ada.userId)
  const stream = await listen(ada, '?topics=events')
  await stream.until(message => message.event === 'hello', 'hello')
  await server.database.db.withTenant(ada.userId, tx => recordBotEvent(tx, run.botId, 'QUIET', 'nobody was told'))
  await stream.until(message => message.data.data?.['eventType'] === 'QUIET', 'event')
  assert.equal(stream.messages.filter(one => one.data.data?.['eventType'] === 'QUIET').length, 1)
  stream.close()
})

test('when the server stops its streams end', async () => {
  const own = await openTestServer()
  const person = await own.signUp()
  await own.app.listen({ host: '127.0.0.1', port: 0 })
  const before = port
  port = (own.app.server.address() as { port: number }).port
  const stream = await listen(person)
  port = before
  await stream.until(message => message.event === 'hello', 'hello')
  await own.close()
  await stream.ended
  assert.equal(stream.status, 200)
})
