// The kill switch outlives the process: set from the command line while everything runs, found again after kill -9, and a record that
// was damaged meanwhile is no way out of it. What a deal holds stays protected all the while.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTestHome, removeTestHome } from '../../src/storage/testing-server.ts'
import { PlatformProcess } from './platform-process.ts'

const PASSWORD = 'correct horse battery staple'
const CONFIG = {
  schemaVersion: 1,
  type: 'dca',
  name: 'switched off',
  exchange: 'demo',
  pairs: ['BTC/USDT'],
  timeframe: '1m',
  baseOrder: { size: '100' },
  entry: { mode: 'immediate' },
  averaging: {
    rule: { type: 'ladder', stepPct: '1', stepScale: '1' },
    amount: { type: 'fixed', value: '100' },
    maxOrders: 5,
    activeOrdersCount: 5,
  },
  exits: { takeProfit: { targets: [{ profitPct: '40', sellPct: '100' }], placement: 'resting' } },
}

let home: string
let platform: PlatformProcess
let botId: string

before(async () => {
  home = makeTestHome()
  platform = new PlatformProcess(home)
  await platform.start()
  await platform.expect(201, 'POST', '/auth/sign-up', { email: 'owner@example.org', password: PASSWORD })
  const bot = await platform.expect(201, 'POST', '/bots', { config: CONFIG })
  botId = String(bot['botId'])
  await platform.expect(202, 'POST', `/bots/${botId}/start-paper`, { feed: { kind: 'demo', speed: 60 } })
  await until('the first deal with its ladder', async () => (await orders()).get('avg open') === 5)
})
after(async () => {
  await platform.stop()
  removeTestHome(home)
})

async function until(what: string, isSo: () => Promise<boolean>, ms = 40_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${ms} ms:\n${platform.output}`)
    await sleep(100)
  }
}

/** How many orders there are of each purpose and status, such as `avg open`. */
async function orders(): Promise<Map<string, number>> {
  const { items } = (await platform.expect(200, 'GET', `/bots/${botId}/orders?limit=1000`)) as {
    items: { purpose: string; status: string }[]
  }
  const counts = new Map<string, number>()
  for (const { purpose, status } of items) counts.set(`${purpose} ${status}`, (counts.get(`${purpose} ${status}`) ?? 0) + 1)
  return counts
}

async function safety(): Promise<{ level: string; reason: string }> {
  const { level, reason } = await platform.expect(200, 'GET', '/safety')
  return { level: String(level), reason: String(reason) }
}

async function pausedBy(): Promise<string[]> {
  const { pausedBy: by } = (await platform.expect(200, 'GET', `/bots/${botId}`)) as { pausedBy: string[] }
  return by
}

/** Entries are gone, the target rests, and nothing is bought for a while of fast market time. */
async function proveCloseOnly(): Promise<void> {
  await until('the bot shows the kill switch', async () => (await pausedBy()).includes('kill_switch'))
  await until('the ladder is taken back', async () => ((await orders()).get('avg open') ?? 0) === 0)
  const bought = () => orders().then(found => (found.get('base filled') ?? 0) + (found.get('avg filled') ?? 0))
  const before = await bought()
  assert.equal((await orders()).get('tp open'), 1, 'what protects the deal rests')
  await sleep(3000)
  assert.equal(await bought(), before)
  assert.equal((await orders()).get('tp open'), 1)
}

test('set while it runs, it is obeyed at once; after kill -9 it is still set, and the bot in close-only', async () => {
  const status = await platform.verb('kill-switch', '--json')
  assert.equal(status.code, 0, status.stderr)
  assert.equal((JSON.parse(status.stdout) as { level: string }).level, 'normal')
  const set = await platform.verb('kill-switch', 'on', '--reason', 'smoke in the room', '--json')
  assert.equal(set.code, 0, set.stderr)
  await proveCloseOnly()
  assert.deepEqual(await safety(), { level: 'halted', reason: 'smoke in the room (the whole instance)' })

  await platform.kill9()
  await platform.start()
  assert.deepEqual(await safety(), { level: 'halted', reason: 'smoke in the room (the whole instance)' })
  await proveCloseOnly()
})

test('a record that was altered or has disappeared means halted after the next start', async () => {
  for (const [change, why] of [
    [`update safety_record set state = 'normal'`, 'damaged'],
    ['delete from safety_record', 'has disappeared'],
  ] as const) {
    await platform.kill9()
    await platform.start()
    const client = await platform.connect()
    await client.query('set session_replication_role = replica')
    await client.query(change)
    await client.end()
    await platform.kill9()
    await platform.start()
    const found = await safety()
    assert.equal(found.level, 'halted')
    assert.match(found.reason, new RegExp(why))
    await proveCloseOnly()
  }
})

test('with a reason and the password it ends, and the ladder comes back', async () => {
  const wrong = await platform.call('POST', '/safety/reset', {
    scope: 'global',
    reason: 'all is well',
    password: 'guessed wrongly',
  })
  assert.equal(wrong.status, 403)
  await platform.expect(200, 'POST', '/safety/reset', { scope: 'global', reason: 'all is well', password: PASSWORD })
  assert.equal((await safety()).level, 'normal')
  await until('the ladder is laid out again', async () => ((await orders()).get('avg open') ?? 0) > 0)
  assert.ok(!(await pausedBy()).includes('kill_switch'))
})

test('the command line says what is wrong with a command, and refuses to loosen by `on`', async () => {
  for (const [args, code, said] of [
    [['on'], 2, /--reason/],
    [['on', '--reason', 'x'], 2, /--reason/],
    [['maybe', '--reason', 'because'], 2, /status, on, off/],
    [['on', '--scope', 'bot', '--reason', 'because'], 2, /--id/],
    [['on', '--scope', 'bot', '--id', 'dca_bot_0_x', '--reason', 'because'], 1, /There is no bot/],
    [['off', '--level', 'paused', '--reason', 'because'], 2, /--level/],
  ] as const) {
    const ran = await platform.verb('kill-switch', ...args)
    assert.equal(ran.code, code, `${args.join(' ')}: ${ran.stderr}`)
    assert.match(ran.stderr, said)
  }
  const one = await platform.verb('kill-switch', 'on', '--scope', 'tenant', '--id', 'owner@example.org', '--reason', 'because')
  assert.equal(one.code, 0, one.stderr)
  const laxer = await platform.verb('kill-switch', 'on', '--scope', 'tenant', '--level', 'paused', '--reason', 'because')
  assert.equal(laxer.code, 3, laxer.stderr)
  const shown = await platform.verb('kill-switch', 'status')
  assert.match(shown.stdout, /tenant .* halted .* cli:\S+ +because/)
  assert.equal((await platform.verb('kill-switch', 'off', '--scope', 'tenant', '--reason', 'because')).code, 0)
  assert.match((await platform.verb('kill-switch')).stdout, /nothing is restricted/)
})
