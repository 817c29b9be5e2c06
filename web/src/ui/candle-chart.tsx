// Candles with marks and price lines. It knows nothing of bots: who uses it says what to mark.

import { useComputedColorScheme } from '@mantine/core'
import {
  type AutoscaleInfo,
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineStyle,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from 'lightweight-charts'
import { useEffect, useRef } from 'react'

export interface ChartCandle {
  /** Open time, seconds of the epoch. */
  readonly time: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
}

export interface ChartMark {
  readonly time: number
  readonly side: 'buy' | 'sell'
  readonly text: string
}

export interface ChartLine {
  readonly price: number
  readonly title: string
  readonly tone: 'average' | 'target' | 'stop' | 'rung'
}

export interface CandleChartProps {
  readonly candles: readonly ChartCandle[]
  readonly marks: readonly ChartMark[]
  readonly lines: readonly ChartLine[]
  /** Decimal places of a price. */
  readonly places: number
  readonly label: string
  readonly height?: number
}

interface Parts {
  readonly chart: IChartApi
  readonly series: ISeriesApi<'Candlestick'>
  readonly marks: ISeriesMarkersPluginApi<Time>
  lines: IPriceLine[]
  shown: { first: number; last: number; count: number }
}

function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || '#888'
}

/** Share of the price within which a line belongs into the picture. */
const NEAR = 0.02

const two = (value: number) => String(value).padStart(2, '0')
const clockOf = (at: Date) => `${two(at.getHours())}:${two(at.getMinutes())}`

/** Times stand in the reader's own zone; the library itself only knows UTC. */
function tickText(time: Time, kind: number): string {
  const at = new Date(Number(time) * 1000)
  if (kind === 0) return String(at.getFullYear())
  if (kind === 1) return at.toLocaleDateString(undefined, { month: 'short' })
  if (kind === 2) return at.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
  return clockOf(at)
}

export function CandleChart({ candles, marks, lines, places, label, height = 380 }: CandleChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const parts = useRef<Parts | null>(null)
  const candlesNow = useRef(candles)
  candlesNow.current = candles
  const scheme = useComputedColorScheme('light')

  useEffect(() => {
    if (!box.current) return
    const chart = createChart(box.current, {
      autoSize: true,
      localization: { timeFormatter: (time: Time) => new Date(Number(time) * 1000).toLocaleString() },
      timeScale: { timeVisible: true, rightOffset: 6, tickMarkFormatter: tickText },
      layout: { attributionLogo: false },
      crosshair: { mode: 0 },
    })
    const series = chart.addSeries(CandlestickSeries, { borderVisible: false })
    parts.current = { chart, series, marks: createSeriesMarkers(series, []), lines: [], shown: { first: 0, last: 0, count: 0 } }
    return () => {
      chart.remove()
      parts.current = null
    }
  }, [])

  useEffect(() => {
    void scheme
    const line = cssColor('--ek-line-soft')
    const gain = cssColor('--ek-gain')
    const loss = cssColor('--ek-loss')
    parts.current?.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: cssColor('--ek-panel') },
        textColor: cssColor('--mantine-color-dimmed'),
        fontFamily: getComputedStyle(document.body).fontFamily,
      },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      rightPriceScale: { borderColor: line },
      timeScale: { borderColor: line },
    })
    parts.current?.series.applyOptions({ upColor: gain, downColor: loss, wickUpColor: gain, wickDownColor: loss })
  }, [scheme])

  useEffect(() => {
    parts.current?.series.applyOptions({ priceFormat: { type: 'price', precision: places, minMove: 10 ** -places } })
  }, [places])

  useEffect(() => {
    const now = parts.current
    const first = candles[0]
    const last = candles.at(-1)
    if (!now) return
    if (!first || !last) {
      now.series.setData([])
      return
    }
    const bars = candles.map(one => ({ ...one, time: one.time as UTCTimestamp }))
    const { shown } = now
    // What is only continued is added at the end, so that the reader's place in the chart stays.
    if (shown.count > 0 && shown.first === first.time && last.time >= shown.last && candles.length >= shown.count)
      for (const bar of bars.filter(one => one.time >= shown.last)) now.series.update(bar)
    else {
      now.series.setData(bars)
      now.chart.timeScale().setVisibleLogicalRange({ from: Math.max(0, bars.length - 140), to: bars.length + 5 })
    }
    now.shown = { first: first.time, last: last.time, count: candles.length }
  }, [candles])

  useEffect(() => {
    void scheme
    parts.current?.marks.setMarkers(
      marks.map(
        (mark): SeriesMarker<Time> => ({
          time: mark.time as UTCTimestamp,
          position: mark.side === 'buy' ? 'belowBar' : 'aboveBar',
          shape: mark.side === 'buy' ? 'arrowUp' : 'arrowDown',
          color: cssColor(mark.side === 'buy' ? '--ek-petrol' : '--ek-brass'),
          text: mark.text,
        }),
      ),
    )
  }, [marks, scheme])

  useEffect(() => {
    void scheme
    const now = parts.current
    if (!now) return
    for (const line of now.lines) now.series.removePriceLine(line)
    const look = {
      average: { color: cssColor('--ek-waterline'), style: LineStyle.Solid },
      target: { color: cssColor('--ek-gain'), style: LineStyle.Dashed },
      stop: { color: cssColor('--ek-loss'), style: LineStyle.Dashed },
      rung: { color: cssColor('--ek-petrol'), style: LineStyle.Dotted },
    }
    now.lines = lines.map(line =>
      now.series.createPriceLine({
        price: line.price,
        title: line.title,
        color: look[line.tone].color,
        lineStyle: look[line.tone].style,
        lineWidth: 1,
        axisLabelVisible: true,
      }),
    )
    // The scale reaches to what the price may meet next; lines far away would flatten the candles.
    const last = candlesNow.current.at(-1)?.close
    const near = last === undefined ? [] : lines.map(line => line.price).filter(at => Math.abs(at / last - 1) < NEAR)
    now.series.applyOptions({
      autoscaleInfoProvider: (original: () => AutoscaleInfo | null) => {
        const info = original()
        if (!info?.priceRange || near.length === 0) return info
        const { minValue, maxValue } = info.priceRange
        return { ...info, priceRange: { minValue: Math.min(minValue, ...near), maxValue: Math.max(maxValue, ...near) } }
      },
    })
  }, [lines, scheme])

  return <div ref={box} role="img" aria-label={label} style={{ height, width: '100%' }} />
}
