// The chart of a bot: candles with its fills, the lines of its open deal, and its equity. Loaded apart: charts are heavy.

import { SegmentedControl, Select } from '@mantine/core'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { Bot, BotLiveStatus } from '../../../src/contract/bots.ts'
import type { OrderRow } from '../../../src/contract/orders.ts'
import type { PositionRow } from '../../../src/contract/positions.ts'
import { isTimeframe, type Timeframe } from '../../../src/core/market/timeframe.ts'
import { Decimal } from '../../../src/core/money/decimal.ts'
import { useRead } from '../client/queries.ts'
import { curveOf, useEquity } from '../features/bots/equity.ts'
import { glance } from '../features/bots/status.tsx'
import { type Bar, useCandles } from '../features/market/candles.ts'
import { useInstruments } from '../features/market/market.ts'
import type { ChartLine, ChartMark } from '../ui/candle-chart.tsx'
import { Empty, Failed, Loading } from '../ui/faces.tsx'

const CandleChart = lazy(() => import('../ui/candle-chart.tsx').then(module => ({ default: module.CandleChart })))
const Curve = lazy(() => import('../ui/curve.tsx').then(module => ({ default: module.Curve })))

const NAMES: Readonly<Record<OrderRow['purpose'], string>> = {
  base: 'base',
  avg: '',
  tp: 'target',
  sl: 'stop',
  trail: 'trailing',
  exit: 'exit',
  close: 'close',
  panic: 'panic',
  adopt: 'adopted',
  manual: 'manual',
}

const NO_BARS: readonly Bar[] = []

function marksOf(orders: readonly OrderRow[], symbol: string): ChartMark[] {
  return orders
    .filter(order => order.symbol === symbol && order.avgPrice !== null && order.closedAt !== null)
    .map(order => ({
      time: Date.parse(order.closedAt ?? '') / 1000,
      side: order.side,
      text: order.purpose === 'avg' ? `${order.rung ?? ''}` : NAMES[order.purpose],
    }))
    .sort((a, b) => a.time - b.time)
}

/** Only a picture: float64 is exact enough for a pixel. */
const pixel = (text: string): number => Number(text)

function linesOf(orders: readonly OrderRow[], positions: readonly PositionRow[], symbol: string): ChartLine[] {
  const lines: ChartLine[] = []
  for (const position of positions.filter(one => one.symbol === symbol)) {
    if (!Decimal.from(position.qty).isZero()) lines.push({ price: pixel(position.avgPrice), title: 'average', tone: 'average' })
    if (position.stopPrice !== null) lines.push({ price: pixel(position.stopPrice), title: 'stop', tone: 'stop' })
  }
  for (const order of orders) {
    if (order.symbol !== symbol || (order.status !== 'open' && order.status !== 'part_filled')) continue
    const at = order.limitPrice ?? order.stopPrice
    if (at === null) continue
    if (order.purpose === 'tp') lines.push({ price: pixel(at), title: 'target', tone: 'target' })
    else if (order.purpose === 'avg') lines.push({ price: pixel(at), title: `buy ${order.rung ?? ''}`, tone: 'rung' })
    else if (order.purpose === 'sl') lines.push({ price: pixel(at), title: 'stop', tone: 'stop' })
  }
  return lines.slice(0, 24)
}

export function BotCharts({ bot, live }: { bot: Bot; live: BotLiveStatus | undefined }) {
  const { pairs, exchange, timeframe } = glance(bot.config)
  const [pair, setPair] = useState(pairs[0] ?? '')
  const own: Timeframe = isTimeframe(timeframe) ? timeframe : '1h'
  const [shown, setShown] = useState<Timeframe>(own)
  const choices = [...new Set<Timeframe>([own, '1m', '15m', '1h', '1d'])]
  const runId = live?.runId ?? null
  const candles = useCandles({ exchange, symbol: pair, timeframe: shown, until: live?.simulatedAt ?? null, of: runId ?? 'none' })
  const orders = useRead(
    'botOrders',
    { params: { id: bot.botId }, query: { limit: 300, ...(runId === null ? {} : { runId }) } },
    { everyMs: 10_000, enabled: live !== undefined },
  )
  const positions = useRead('botPositions', { params: { id: bot.botId }, query: { limit: 100 } }, { everyMs: 10_000 })
  const equity = useEquity(bot.botId, runId)
  const { instruments } = useInstruments()
  const tick = instruments.find(one => one.exchange === exchange && one.symbol === pair)?.tick

  const bars = candles.data ?? NO_BARS
  const marks = useMemo(() => marksOf(orders.data?.items ?? [], pair), [orders.data, pair])
  const lines = useMemo(
    () => linesOf(orders.data?.items ?? [], positions.data?.items ?? [], pair),
    [orders.data, positions.data, pair],
  )
  const curve = useMemo(() => (equity.data ? curveOf(equity.data) : { times: [], values: [] }), [equity.data])

  return (
    <div className="charts">
      <section className="panel" aria-label="Chart">
        <div className="panelHead">
          {pairs.length > 1 ? (
            <Select
              size="xs"
              w={130}
              aria-label="Pair of the chart"
              data={pairs}
              value={pair}
              allowDeselect={false}
              onChange={next => setPair(next ?? '')}
            />
          ) : (
            <h2>{pair}</h2>
          )}
          <SegmentedControl
            size="xs"
            aria-label="Timeframe of the chart"
            data={choices}
            value={shown}
            onChange={next => isTimeframe(next) && setShown(next)}
          />
          <span style={{ flex: 1 }} />
          <span className="legend">
            <span>↑ bought</span>
            <span>↓ sold</span>
            <span>times are local</span>
          </span>
        </div>
        {candles.isError && bars.length === 0 ? (
          <Failed error={candles.error} what="The candles" retry={() => void candles.refetch()} />
        ) : bars.length === 0 ? (
          candles.isPending ? (
            <Loading rows={6} />
          ) : (
            <Empty title="No candles here yet">
              There are none of {pair} at {shown} on {exchange}. Import some, or choose another timeframe.
            </Empty>
          )
        ) : (
          <Suspense fallback={<Loading rows={6} />}>
            <CandleChart
              candles={bars}
              marks={marks}
              lines={lines}
              places={tick?.places() ?? 2}
              label={`Candles of ${pair} at ${shown}, ${marks.length} fills and ${lines.length} lines`}
            />
          </Suspense>
        )}
      </section>
      {curve.times.length > 1 && (
        <section className="panel" aria-label="Equity">
          <div className="panelHead">
            <h2>Equity</h2>
            <span className="legend">
              <span>dashed: at the start</span>
            </span>
          </div>
          <div style={{ padding: '4px 8px' }}>
            <Suspense fallback={<Loading rows={3} />}>
              <Curve
                times={curve.times}
                values={curve.values}
                {...(live?.initialBalance ? { level: pixel(live.initialBalance) } : {})}
                label={`Equity of ${bot.name}`}
                format={value => value.toLocaleString('en', { maximumFractionDigits: 2 })}
              />
            </Suspense>
          </div>
        </section>
      )}
    </div>
  )
}
