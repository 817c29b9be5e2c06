// What a person says of the venue of a paper run is kept with the run; what no venue can be is refused by its field.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEMO_INSTRUMENTS } from '../core/market/demo-instruments.ts'
import { upsertInstruments } from '../storage/instrument-store.ts'
import { type Client, dcaConfig, openTestServer, type TestServer } from './testing.ts'

let server: TestServer
let owner: Client
before(async () => {
  server = await openTestServer()
  await server.database.db.withApp(tx => upsertInstruments(tx, DEMO_INSTRUMENTS))
  owner = await server.signUp()
})
after(() => server.close())

async function newBot(name: string): Promise<string> {
  const made = await owner.call('POST', '/api/bots', { body: { config: dcaConfig({ name }) } })
  return (made.body as { botId: string }).botId
}

const start = (id: string, body: object) => owner.call('POST', `/api/bots/${id}/start-paper`, { body })

test('a venue and a seed are kept with the run', async () => {
  const venue = { slippageBps: '2.5', latencyMs: { min: 50, max: 200 }, rejectProb: 0.1 }
  for (const [body, kept] of [
    [
      { venue, seed: 7 },
      { ...venue, seed: 7 },
    ],
    [{}, { seed: 0 }],
  ] as const) {
    const started = await start(await newBot(`Bot ${kept.seed}`), body)
    assert.equal(started.status, 202, started.text)
    const { runId } = started.body as { runId: string }
    const row = await server.database.db.withTenant(owner.userId, tx =>
      tx.one<{ venue: unknown }>(`select meta -> 'venue' as venue from bot_runs where run_id = $1`, [runId]),
    )
    assert.deepEqual(row?.venue, kept)
  }
})

test('what no venue can be is refused by its field', async () => {
  const id = await newBot('Bot refused')
  for (const [venue, path] of [
    [{ latencyMs: { min: 200, max: 50 } }, 'venue.latencyMs'],
    [{ cancelLatencyMs: { min: 0, max: 3_600_001 } }, 'venue.cancelLatencyMs.max'],
    [{ rejectProb: 1.5 }, 'venue.rejectProb'],
    [{ partialProb: -0.1 }, 'venue.partialProb'],
    [{ slippageBps: '-1' }, 'venue.slippageBps'],
    [{ volumeCapPct: '101' }, 'venue.volumeCapPct'],
    [{ impactBpsPerPctVolume: 'much' }, 'venue.impactBpsPerPctVolume'],
    [{ fillPath: 'lucky' }, 'venue.fillPath'],
    [{ latency: 5 }, 'venue.latency'],
  ] as const) {
    const answer = await start(id, { venue })
    assert.equal(answer.status, 422, answer.text)
    assert.ok(answer.text.includes(`"${path}"`), answer.text)
  }
})
