// evenkeel crash-lab as people call it: exit codes, one's own bot with its certificate, a seed told again.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../../src/cli/testing.ts'

let folder = ''
let file = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-crash-lab-test-'))
  file = join(folder, 'bot.json')
  const condition = { timeframe: '15m', lhs: { kind: 'indicator', name: 'rsi', params: { period: 14 } }, op: 'lt' }
  const bot = {
    schemaVersion: 1,
    type: 'dca',
    name: 'mine',
    exchange: 'demo',
    pairs: ['BTC/USDT'],
    timeframe: '15m',
    baseOrder: { size: '50' },
    entry: {
      mode: 'conditional',
      playbook: { items: [{ id: 'dip', condition: { ...condition, rhs: { kind: 'const', value: '5' } } }] },
    },
    exits: { takeProfit: { targets: [{ profitPct: '0.5', sellPct: '100' }] } },
  }
  await writeFile(file, JSON.stringify(bot))
})
after(() => rm(folder, { recursive: true }))

describe('what cannot be understood ends with 2 and says what to write', () => {
  const wrong: readonly [string[], RegExp][] = [
    [['--seeds', 'ten'], /--seeds.*1\.\.2000/],
    [['--seeds', '9..3'], /--seeds/],
    [['--kill', 'sometimes'], /--kill.*every-await/],
    [['--faults', 'venue,weather'], /weather.*net/],
    [['--scenario', 'flashcrash'], /did you mean flash_crash/],
    [['--budget', '60'], /--budget.*90s/],
    [['--deep', '--replay', '1'], /--deep/],
    [['bot.json'], /options only/],
  ]
  for (const [args, remedy] of wrong) {
    test(args.join(' '), async () => {
      const { code, stderr } = await runCli(['crash-lab', ...args])
      assert.equal(code, 2)
      assert.match(stderr, remedy)
    })
  }
})

test("one's own bot trades although its conditions never hold, and gets a certificate that says so", async () => {
  const { code, stdout } = await runCli(['crash-lab', '--config', file, '--seeds', '1..4', '--threads', '1', '--json'])
  const report = JSON.parse(stdout)
  assert.equal(code, 0, report.message)
  assert.equal(report.tally.stories, 4)
  assert.match(report.botHash, /^[0-9a-f]{64}$/)
  assert.equal(report.usesCommands, true)
  assert.ok(report.tally.deals >= 3 && report.tally.fills >= 3, `${report.tally.deals} deals, ${report.tally.fills} executions`)
  const again = await runCli(['crash-lab', '--config', file, '--seeds', '1..1', '--threads', '1'])
  assert.match(again.stdout, /What it does not show/)
  assert.match(again.stdout, /Deals were started by command/)
})

test('a seed told again is the same story', async () => {
  const tell = async (): Promise<unknown> => JSON.parse((await runCli(['crash-lab', '--replay', '7', '--json'])).stdout)
  const first = await tell()
  assert.deepEqual(await tell(), first)
  assert.equal((first as { ok: boolean }).ok, true)
})
