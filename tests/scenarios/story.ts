/**
 * Scenarios one can see: a table of candles goes in, the fills and closed deals that come out are listed. One candle is an hour unless
 * said otherwise, the first opens at 00:00; a fill at a candle's open shows that time, one inside it the minute before the next.
 *
 *   01:00 base buy 1 @ 100          an order's purpose (with its rung or target), side, quantity, price
 *   02:59 tp sell 1 @ 102
 *   deal 1 take_profit 2            exit reason and net result
 *
 * Unless a scenario says otherwise the venue takes no fees, does not slip and knows no volume cap, so that numbers can be checked in the
 * head; the bot starts a deal at once, one deal in all, with a base order of 100. Each story is told thrice: asleep between wake-ups,
 * stepping through every candle, and restarting from saved state all the time; the outcome must be the same.
 */

import assert from 'node:assert/strict'
import type { MemoryJournal } from '../../src/backtest/memory-journal.ts'
import { type BacktestOutcome, runBacktest } from '../../src/backtest/run-backtest.ts'
import { type ConfigChanges, dcaConfig, PAIR } from '../../src/core/dca/config.fixture.ts'
import { type Candle, columnsFrom } from '../../src/core/market/candles.ts'
import { defaultRules, type InstrumentRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { type Timeframe, timeframeMs } from '../../src/core/market/timeframe.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import type { DcaState } from '../../src/engine/dca/dca-state.ts'
import type { VenueParameters } from '../../src/engine/simulated-venue/fill-price.ts'

/** Monday. */
export const START_MS = Date.UTC(2024, 0, 1)

export type Bar = Omit<Candle, 'openTimeMs'>

export interface Scenario {
  readonly config?: ConfigChanges
  /** Open, high, low, close and, where it matters, volume of each candle, one a line; a line `-` is a candle that is missing. */
  readonly candles: string | readonly (Bar | null)[]
  /** Candles of further pairs of the bot, by symbol; the lines of every fill then name theirs. */
  readonly others?: Readonly<Record<string, string>>
  readonly timeframe?: Timeframe
  readonly rules?: Partial<InstrumentRules>
  readonly venue?: Partial<VenueParameters>
  readonly capital?: string
}

export interface Told extends BacktestOutcome {
  readonly lines: readonly string[]
}

export function parseCandles(table: string): (Bar | null)[] {
  return table
    .trim()
    .split('\n')
    .map(line => {
      if (line.trim() === '-') return null
      const [open, high, low, close, volume = 1_000_000] = line.trim().split(/\s+/).map(Number) as [
        number,
        number,
        number,
        number,
        number?,
      ]
      assert.ok(low <= Math.min(open, close) && high >= Math.max(open, close), `no candle: ${line}`)
      return { open, high, low, close, volume }
    })
}

function timeText(atMs: number): string {
  const minutes = Math.floor((atMs - START_MS) / 60_000)
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = Math.floor(minutes / 1440)
  return `${day > 0 ? `${day}d ` : ''}${two(Math.floor((minutes % 1440) / 60))}:${two(minutes % 60)}`
}

const linesOf = (outcome: BacktestOutcome, several: boolean): string[] => linesFrom(outcome.journal, outcome.state, several)

/** What happened to each deal, oldest first. */
export function linesFrom(journal: MemoryJournal<DcaState>, state: DcaState, namesSymbols = false): string[] {
  const lines: string[] = []
  for (let tradeSeq = 1; tradeSeq < state.nextTradeSeq; tradeSeq += 1) {
    const orders = new Map(journal.ordersOf(tradeSeq).map(order => [`${order.purpose}|${order.sequence}`, order]))
    for (const fill of journal.fillsOf(tradeSeq)) {
      const rung = orders.get(`${fill.purpose}|${fill.sequence}`)?.rung ?? ''
      const symbol = namesSymbols ? `${fill.symbol} ` : ''
      lines.push(`${timeText(fill.atMs)} ${symbol}${fill.purpose}${rung} ${fill.side} ${fill.quantity} @ ${fill.price}`)
    }
    const closed = journal.closedTrades().find(trade => trade.tradeSeq === tradeSeq)
    lines.push(closed ? `deal ${tradeSeq} ${closed.exitReason} ${closed.netPnl}` : `deal ${tradeSeq} ended unfilled`)
  }
  return lines
}

export function tell(scenario: Scenario): Told {
  const timeframe = scenario.timeframe ?? '1h'
  const tables = { [PAIR]: scenario.candles, ...scenario.others }
  const candles = new Map(
    Object.entries(tables).map(([symbol, table]) => {
      const rows = typeof table === 'string' ? parseCandles(table) : table
      const timed = rows.flatMap((row, i) => (row ? [{ ...row, openTimeMs: START_MS + i * timeframeMs(timeframe) }] : []))
      return [symbol, columnsFrom(timed)] as const
    }),
  )
  const instruments = new Map(
    Object.keys(tables).map(symbol => {
      const rules = { ...defaultRules('binance', symbol), step: '0.001', minNotional: '0', makerBps: '0', takerBps: '0' }
      return [symbol, instrumentFromRules({ ...rules, ...scenario.rules })] as const
    }),
  )
  const play = (skip: boolean, restartEvery: number): BacktestOutcome =>
    runBacktest({
      config: dcaConfig({ stopAfterDeals: 1, pairs: Object.keys(tables), ...scenario.config }),
      instruments,
      candles,
      timeframe,
      capital: Decimal.from(scenario.capital ?? '10000'),
      venue: { fillPath: 'pessimistic', slippageBps: ZERO, impactBpsPerPctVolume: ZERO, volumeCapPct: ZERO, ...scenario.venue },
      skip,
      keepsEvents: true,
      restartEvery,
    })
  const asleep = play(true, 0)
  const several = instruments.size > 1
  const lines = linesOf(asleep, several)
  assert.deepEqual(linesOf(play(false, 0), several), lines, 'stepping through every candle does the same')
  assert.deepEqual(linesOf(play(true, 1), several), lines, 'going on from saved state does the same')
  for (const [currency, sum] of asleep.journal.books.sums()) assert.equal(sum.toString(), '0', `${currency} sums to zero`)
  return { ...asleep, lines }
}

/** Compares what happened with a list, one line each. */
export function expectStory(scenario: Scenario, expected: string): Told {
  const told = tell(scenario)
  const wanted = expected
    .trim()
    .split('\n')
    .map(line => line.trim())
  assert.deepEqual(told.lines, wanted)
  return told
}
