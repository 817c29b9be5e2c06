// npm run bench: what DESIGN names as bars and what exists of it, measured in one run beside the plain loop over the same columns, and
// the store beside raw SQL. These ratios are what to compare between machines. `--json` prints the figures; `--quick` takes a tenth of the
// candles and of the transactions.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BUSY, type Measured, measureBacktest, PLAYBOOK, plainLoopMs, SLEEPY } from './bench/backtests.ts'
import { walkColumns } from './bench/columns.ts'
import { measureCommits } from './bench/commits.ts'

const ROUNDS = 5
const quick = process.argv.includes('--quick')
const candles = quick ? 500_000 : 5_000_000

interface Line {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly bar: number
  readonly atLeast: boolean
  readonly ofPlainLoop: number | null
  readonly detail: string
}

/** The median of several runs after one that warms the compiler up. */
function median<T>(measure: () => T, ms: (result: T) => number): T {
  measure()
  const results = Array.from({ length: ROUNDS }, measure).toSorted((a, b) => ms(a) - ms(b))
  return results[Math.floor(ROUNDS / 2)]!
}

const columns = walkColumns(candles, 7)
const plainMs = median(
  () => plainLoopMs(columns),
  ms => ms,
)
const perSecond = (ms: number): number => candles / ms / 1000
const plain = perSecond(plainMs)
const lines: Line[] = []

function backtest(what: string, config: unknown, bar: number): void {
  const result: Measured = median(
    () => measureBacktest(config, columns),
    one => one.ms,
  )
  const value = perSecond(result.ms)
  const perOrder = result.orders === 0 ? 'no order' : `an order every ${Math.round(candles / result.orders)} candles`
  const perStep = `${((result.ms * 1000) / result.steps).toFixed(2)} us a step`
  lines.push({
    what,
    value,
    unit: 'M candles/s',
    bar,
    atLeast: true,
    ofPlainLoop: value / plain,
    detail: `${perOrder}, ${result.fills} fills, ${result.deals} deals, ${result.wakeUps} wake-ups, ${perStep}`,
  })
}

backtest('1m backtest, busy', BUSY, 20)
backtest('1m backtest, mostly sleeping', SLEEPY, 100)
backtest('1m backtest, five indicators included', PLAYBOOK, 5)

const folder = process.env['EVENKEEL_TEST_DATA']
const real = folder ? join(folder, 'binance-BTC_USDT-1h-2017-2024.csv.gz') : ''
if (existsSync(real)) {
  const root = join(import.meta.dirname, '..')
  const args = ['backtest', '--config', join(root, 'examples/rsi-dip.json'), '--candles', real, '--json']
  const ms = median(
    () => {
      const startedAtMs = performance.now()
      const ran = spawnSync(join(root, 'evenkeel'), args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
      if (ran.status !== 0) throw new Error(ran.stderr)
      return performance.now() - startedAtMs
    },
    one => one,
  )
  const detail = 'evenkeel backtest --json of 58,419 hours from a gzipped CSV, process start included'
  lines.push({
    what: 'seven years from the command line',
    value: ms / 1000,
    unit: 's',
    bar: 1,
    atLeast: false,
    ofPlainLoop: null,
    detail,
  })
} else {
  process.stderr.write('seven years from the command line: skipped, EVENKEEL_TEST_DATA names no folder with them\n')
}

for (const clients of [1, 8]) {
  const perRound = clients === 1 ? 40 : 12
  const { storePerSec, rawPerSec, stepwisePerSec, statementsPerCommit, durable } = await measureCommits(
    clients,
    quick ? 15 : 60,
    perRound,
  )
  const perSec = (value: number): string => `${Math.round(value)}/s`
  lines.push({
    what: `durable order transactions, ${clients === 1 ? '1 client' : `${clients} clients`}`,
    value: (storePerSec / Math.max(rawPerSec, stepwisePerSec)) * 100,
    unit: '% of raw SQL',
    bar: 70,
    atLeast: true,
    ofPlainLoop: null,
    detail: `${perSec(storePerSec)}; the same statements raw: ${perSec(rawPerSec)} in one round trip, ${perSec(stepwisePerSec)} one by one; ${statementsPerCommit.toFixed(1)} statements each, ${durable}`,
  })
}

if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify({ candles, plainLoop: plain, lines })}\n`)
} else {
  process.stdout.write(`${candles.toLocaleString('en')} synthetic 1m candles, one core, median of ${ROUNDS}\n`)
  process.stdout.write(`plain loop over high and low: ${plain.toFixed(0)} M candles/s\n\n`)
  for (const { what, value, unit, bar, atLeast, ofPlainLoop, detail } of lines) {
    const met = atLeast ? value >= bar : value <= bar
    const ratio = ofPlainLoop === null ? '' : `, 1/${(1 / ofPlainLoop).toFixed(1)} of the plain loop`
    process.stdout.write(
      `${met ? 'met   ' : 'MISSED'} ${what}: ${value.toFixed(2)} ${unit} (bar ${atLeast ? '>=' : '<'} ${bar}${ratio})\n`,
    )
    process.stdout.write(`       ${detail}\n`)
  }
}
