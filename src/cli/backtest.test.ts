import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { changed, SMALL } from '../contract/dca-config.fixture.ts'
import { Decimal, sumDecimals } from '../core/money/decimal.ts'
import { runCli } from './testing.ts'

const HOUR = 3_600_000
const START = Date.UTC(2024, 0, 1)
const EXAMPLES = join(import.meta.dirname, '../../examples')
const DATA = process.env['EVENKEEL_TEST_DATA']
const REAL = DATA ? join(DATA, 'binance-BTC_USDT-1h-2017-2024.csv.gz') : ''
const absent = !DATA ? 'EVENKEEL_TEST_DATA is not set' : existsSync(REAL) ? false : `${REAL} is not there`

let folder = ''
const path = (name: string): string => join(folder, name)
const write = async (name: string, content: unknown): Promise<string> => {
  await writeFile(path(name), typeof content === 'string' ? content : JSON.stringify(content))
  return path(name)
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-backtest-'))
  await write('bot.json', SMALL)
  // down three percent, then up six, over and over: the ladder and the target both trade
  let price = 100
  const rows = Array.from({ length: 240 }, (_, i) => {
    const open = price
    price = Number((open * (i % 12 < 5 ? 0.99 : 1.009)).toFixed(2))
    // now and then a bar so wide that the way inside it matters
    const reach = i % 7 === 3 ? 3.5 : 0.1
    const high = (Math.max(open, price) + reach).toFixed(2)
    const low = (Math.min(open, price) - reach).toFixed(2)
    return `${START + i * HOUR},${open},${high},${low},${price},1000`
  })
  await write('candles.csv', `time,open,high,low,close,volume\n${rows.join('\n')}\n`)
})
after(() => rm(folder, { recursive: true }))

const run = (...more: string[]) => runCli(['backtest', '--config', path('bot.json'), '--candles', path('candles.csv'), ...more])

async function report(...more: string[]) {
  const ran = await run('--json', ...more)
  assert.equal(ran.code, 0, ran.stderr)
  return JSON.parse(ran.stdout)
}

test('the report repeats what the run depends on, and its money adds up to the last digit', async () => {
  const document = await report()
  assert.deepEqual(Object.keys(document).slice(0, 3), ['schemaVersion', 'kind', 'engineVersion'])
  assert.equal(document.kind, 'backtest')
  assert.equal(document.run.capital, '10000')
  assert.equal(document.run.fillPath, 'pessimistic')
  assert.equal(document.run.seed, 0)
  assert.deepEqual(
    { tick: '0.01', step: '0.00001', minNotional: '5', makerBps: '10', takerBps: '10', feeAsset: 'USDT' },
    (({ tick, step, minNotional, makerBps, takerBps, feeAsset }) => ({ tick, step, minNotional, makerBps, takerBps, feeAsset }))(
      document.run.instruments[0],
    ),
  )
  assert.match(document.data.hash, /^[0-9a-f]{64}$/)
  assert.deepEqual(document.data.gaps, [])
  assert.ok(document.trades.length > 5)
  const nets: Decimal[] = document.trades.map((trade: { netPnl: string }) => Decimal.from(trade.netPnl))
  const change = Decimal.from(document.metrics.finalEquity).minus(Decimal.from('10000'))
  assert.equal(sumDecimals(nets).toString(), change.toString())
  assert.equal(document.equity.at(-1)[1], document.metrics.finalEquity)
  assert.equal(document.equity.length, 240)
  assert.deepEqual(Object.values(document.ledgerSums), ['0', '0'])
  for (const trade of document.trades) {
    for (const order of trade.orders) {
      const filled = sumDecimals(order.fills.map((fill: { quantity: string }) => Decimal.from(fill.quantity)))
      assert.equal(filled.toString(), order.filledQuantity)
    }
  }
})

test('the config in a report gives the same report again', async () => {
  const first = await report()
  const again = await runCli([
    'backtest',
    '--config',
    await write('again.json', first.run.config),
    '--candles',
    path('candles.csv'),
    '--instrument',
    JSON.stringify(first.run.instruments),
    '--json',
  ])
  assert.equal(JSON.parse(again.stdout).tradesHash, first.tradesHash)
})

test('each option changes what it names', async () => {
  const plain = await report()
  const hash = async (...more: string[]) => (await report(...more)).tradesHash
  assert.equal(await hash('--step'), plain.tradesHash)
  assert.equal(await hash('--skip'), plain.tradesHash)
  for (const more of [
    ['--fill-path', 'optimistic'],
    ['--slippage-bps', '50'],
    ['--taker-bps', '20'],
    ['--maker-bps', '0'],
    ['--volume-cap-pct', '0.01'],
    ['--impact-bps', '100'],
    ['--latency-ms', '50..200'],
    ['--reject-prob', '0.3'],
    ['--partial-prob', '1'],
    ['--instrument', '{"maxOpenOrders":1}'],
    ['--instrument', '{"maxQty":"0.001"}'],
    ['--instrument', '{"priceDownMultiplier":"0.99"}'],
    ['--instrument', '{"tick":"0.5"}'],
    ['--instrument', '{"feeAsset":"base"}'],
    ['--from', '2024-01-02'],
    ['--to', '2024-01-09T12:00Z'],
  ]) {
    assert.notEqual(await hash(...more), plain.tradesHash, more.join(' '))
  }
  assert.equal((await report('--capital', '500.5')).run.capital, '500.5')
  assert.equal((await report('--seed', '7')).run.seed, 7)
  const later = await report('--from', '2024-01-02')
  assert.ok(later.trades[0].openedAtMs >= Date.UTC(2024, 0, 2))
})

test('a troubled venue is repeated by the report and by the seed', async () => {
  const trouble = ['--latency-ms', '50..200', '--cancel-latency-ms', '300', '--reject-prob', '0.25', '--partial-prob', '0.5']
  const first = await report(...trouble, '--impact-bps', '2.5', '--seed', '11')
  const { latencyMs, cancelLatencyMs, rejectProb, partialProb, impactBps, seed } = first.run
  assert.deepEqual(
    [latencyMs, cancelLatencyMs],
    [
      { min: 50, max: 200 },
      { min: 300, max: 300 },
    ],
  )
  assert.deepEqual([rejectProb, partialProb, impactBps, seed], [0.25, 0.5, '2.5', 11])
  assert.equal((await report(...trouble, '--impact-bps', '2.5', '--seed', '11', '--step')).tradesHash, first.tradesHash)
  assert.notEqual((await report(...trouble, '--impact-bps', '2.5', '--seed', '12')).tradesHash, first.tradesHash)
  const orders: { status: string; reason: string | null }[] = first.trades.flatMap((trade: { orders: unknown[] }) => trade.orders)
  assert.ok(orders.some(order => order.status === 'rejected' && order.reason === 'REJECTED_BY_CHANCE'))
  const { stdout } = await run(...trouble, '--seed', '11')
  assert.match(stdout, /orders travel 50 to 200 ms, cancels 300 ms, 25\.0 % refused, 50\.0 % filled in parts, seed 11/)
})

test('what is no latency, share or count is refused with what to write instead', async () => {
  for (const [option, value, remedy] of [
    ['--latency-ms', '200..50', 'MIN..MAX'],
    ['--latency-ms', 'fast', 'MIN..MAX'],
    ['--cancel-latency-ms', '0..99999999', 'up to 3600000'],
    ['--reject-prob', '1.5', 'from 0 to 1'],
    ['--partial-prob', '2', 'from 0 to 1'],
    ['--impact-bps', 'x', '0 or more'],
    ['--instrument', '{"maxOpenOrders":"1.5"}', 'maxOpenOrders is 1.5'],
  ] as const) {
    const { code, stderr } = await run(option, value)
    assert.equal(code, 2, option)
    assert.ok(stderr.includes(remedy), stderr)
  }
})

test('people get a table with the hash, and conflicts on stderr', async () => {
  const { code, stdout, stderr } = await run('--capital', '30')
  assert.equal(code, 0)
  assert.match(stdout, /BTC\/USDT {2}2024-01-01 00:00 to 2024-01-11 00:00 UTC, 240 1h candles/)
  assert.match(stdout, /win rate/)
  assert.match(stdout, /tradesHash [0-9a-f]{64}\n$/)
  assert.match(stderr, /warning W_BALANCE/)
})

test('several files of a symbol are one series; several symbols need their names', async () => {
  const text = await readFile(path('candles.csv'), 'utf8')
  const [head, ...rows] = text.trimEnd().split('\n')
  const one = await write('one.csv', `${[head, ...rows.slice(0, 100)].join('\n')}\n`)
  const two = await write('two.csv', `${[head, ...rows.slice(100)].join('\n')}\n`)
  const both = await runCli(['backtest', '--config', path('bot.json'), '--json', '--candles', one, two])
  assert.equal(JSON.parse(both.stdout).tradesHash, (await report()).tradesHash)
  const pair = await write('pair.json', changed(SMALL, 'pairs', ['BTC/USDT', 'ETH/USDT']))
  const named = await runCli([
    'backtest',
    '--config',
    pair,
    '--json',
    '--candles',
    `BTC/USDT=${path('candles.csv')}`,
    '--candles',
    `ETH/USDT=${path('candles.csv')}`,
  ])
  assert.equal(named.code, 0, named.stderr)
  assert.equal(JSON.parse(named.stdout).data.series.length, 2)
})

test('bad input: one clear message, the right exit code, nothing on stdout', async () => {
  const refused = async (args: readonly string[], code: number, message: RegExp) => {
    const ran = await runCli(['backtest', ...args])
    assert.match(ran.stderr, message)
    assert.equal(ran.code, code, `${args.join(' ')}: ${ran.stderr}`)
    assert.equal(ran.stdout, '')
  }
  const bot = ['--config', path('bot.json')]
  const candles = ['--candles', path('candles.csv')]
  await refused(candles, 2, /--config is missing/)
  await refused(['--config', path('none.json'), ...candles], 2, /cannot be read: no such file/)
  await refused(['--config', await write('broken.json', '{"a":'), ...candles], 2, /is not JSON/)
  await refused(
    ['--config', await write('bad.json', { ...SMALL, exits: {}, typo: 1 }), ...candles],
    2,
    /UNKNOWN_KEY[\s\S]*EXIT_REQUIRED/,
  )
  await refused([...bot, '--candles', path('none.csv')], 2, /no such file/)
  await refused(
    [...bot, '--candles', `ETH/USDT=${path('candles.csv')}`],
    2,
    /holds candles of ETH\/USDT, the bot reads BTC\/USDT/,
  )
  const two = await write('two.json', changed(SMALL, 'pairs', ['BTC/USDT', 'ETH/USDT']))
  await refused(['--config', two, '--candles', `BTC/USDT=${path('candles.csv')}`], 2, /no candles of ETH\/USDT were given/)
  await refused(['--config', two, ...candles], 2, /whose candles are in/)
  const fine = await write('fine.json', changed(SMALL, 'timeframe', '15m'))
  await refused(['--config', fine, ...candles], 1, /15m bars cannot be made of 1h bars/)
  await refused([...bot, ...candles, '--step', '--skip'], 2, /choose one of --step and --skip/)
  await refused([...bot, ...candles, '--exchange', 'demo'], 2, /choose one of --candles and --exchange/)
  await refused([...bot, ...candles, '--capital', '0'], 2, /--capital is "0": write a number above 0/)
  await refused([...bot, ...candles, '--fill-path', 'best'], 2, /--fill-path/)
  await refused([...bot, ...candles, '--volume-cap-pct', '101'], 2, /at most 100/)
  await refused([...bot, ...candles, '--instrument', '{"tik":1}'], 2, /did you mean tick\?/)
  await refused([...bot, ...candles, '--instrument', '{"tick":"0"}'], 2, /tick is 0, it must be above 0/)
  await refused([...bot, ...candles, '--from', '2024-02-01', '--to', '2024-01-01'], 2, /must be after --from/)
  await refused([...bot, ...candles, '--from', '2030-01-01'], 1, /no candle lies between/)
  await refused([...bot, '--exchange', 'demo', '--from', '2024-01-01', '--to', '2024-01-02', 'stray'], 2, /name candle files/)
  const doge = await write('doge.json', changed(SMALL, 'pairs', ['NOPE/USDT']))
  await refused(['--config', doge, '--exchange', 'demo'], 2, /the demo market has no NOPE\/USDT/)
})

test('--json errors are one document too', async () => {
  const ran = await runCli(['backtest', '--config', path('none.json'), '--json'])
  assert.equal(ran.code, 2)
  assert.equal(JSON.parse(ran.stdout).error.code, 'BAD_REQUEST')
})

test('every example runs on the demo market', async () => {
  for (const name of ['conservative', 'rsi-dip', 'trailing']) {
    const ran = await runCli([
      'backtest',
      '--config',
      join(EXAMPLES, `${name}.json`),
      '--exchange',
      'demo',
      '--from',
      '2025-01-01',
      '--to',
      '2025-02-01',
      '--json',
    ])
    assert.equal(ran.code, 0, ran.stderr)
    assert.ok(JSON.parse(ran.stdout).trades.length > 0, `${name} never traded`)
    assert.doesNotMatch(ran.stderr, /warning/)
  }
})

test('seven years of real candles: the hashes stay', { skip: absent }, async () => {
  const golden = JSON.parse(await readFile(join(import.meta.dirname, '../../tests/golden/backtest-hashes.json'), 'utf8'))
  const hashes: Record<string, string> = {}
  for (const name of ['conservative', 'rsi-dip']) {
    for (const fillPath of ['pessimistic', 'optimistic', 'ohlc']) {
      const args = ['backtest', '--config', join(EXAMPLES, `${name}.json`), '--candles', REAL, '--fill-path', fillPath, '--json']
      const ran = await runCli(args)
      assert.equal(ran.code, 0, ran.stderr)
      hashes[`${name} ${fillPath}`] = JSON.parse(ran.stdout).tradesHash
    }
  }
  // A change of rules may change these: then ENGINE_VERSION changes too, and the changelog says why.
  assert.deepEqual(hashes, golden)
})

test('ladder: the preview of dca-bot.md 14, vectors 1 and 2', async () => {
  const bot = {
    ...SMALL,
    baseOrder: { size: '100' },
    averaging: {
      rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' },
      amount: { type: 'fixed', value: '50' },
      volumeScale: '1.5',
      maxOrders: 5,
    },
    exits: { takeProfit: { targets: [{ profitPct: '2', sellPct: '100' }] } },
  }
  const config = await write('ladder.json', bot)
  const args = ['ladder', '--config', config, '--price', '100', '--instrument', '{"step":"0.001"}']
  const document = JSON.parse((await runCli([...args, '--balance', '1000', '--json'])).stdout)
  const column = (key: string) => document.rows.map((row: Record<string, string>) => row[key])
  assert.deepEqual(column('price'), ['100', '98.5', '96.4', '93.46', '89.34', '83.58'])
  assert.deepEqual(column('base').slice(1), ['0.507', '0.778', '1.203', '1.888', '3.028'])
  assert.deepEqual(column('tpPrice').slice(1), ['101.49', '100.42', '98.66', '96.02', '92.14'])
  assert.equal(document.requiredCapital, '759.88436524')
  const people = await runCli(args)
  assert.equal(people.code, 0)
  assert.match(people.stdout, /required capital 759\.88436524/)
  assert.equal((await runCli(['ladder', '--config', config])).code, 2)
  assert.equal((await runCli([...args, '--symbol', 'ETH/USDT'])).code, 2)
  assert.equal((await runCli(['ladder', '--config', config, '--price', '-1'])).code, 2)
})
