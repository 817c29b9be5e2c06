// One value over time as a curve.

import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface CurveProps {
  /** Seconds of the epoch, ascending. */
  readonly times: readonly number[]
  readonly values: readonly number[]
  readonly label: string
  /** Shown as a level, such as the balance at the start. */
  readonly level?: number
  readonly format: (value: number) => string
  readonly height?: number
}

const MOST_POINTS = 1500

/** Every n-th point and the last one: more than the screen has pixels helps nobody. */
function thinned(times: readonly number[], values: readonly number[]): [number[], number[]] {
  const every = Math.max(1, Math.ceil(times.length / MOST_POINTS))
  const kept = times.map((_, i) => i).filter(i => i % every === 0 || i === times.length - 1)
  return [kept.map(i => times[i] ?? 0), kept.map(i => values[i] ?? 0)]
}

const two = (value: number) => String(value).padStart(2, '0')

/** Local time in 24 hours; days where the splits are that far apart. */
function timeText(_: uPlot, splits: number[]): string[] {
  const apart = (splits[1] ?? 0) - (splits[0] ?? 0)
  return splits.map(split => {
    const at = new Date(split * 1000)
    if (apart >= 86_400)
      return at.toLocaleDateString(undefined, {
        day: 'numeric',
        month: 'short',
        ...(apart > 86_400 * 60 ? { year: '2-digit' } : {}),
      })
    return `${two(at.getHours())}:${two(at.getMinutes())}`
  })
}

export function Curve({ times, values, label, level, format, height = 170 }: CurveProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const formatNow = useRef(format)
  formatNow.current = format
  const scheme = useComputedColorScheme('light')

  useEffect(() => {
    void scheme
    const element = box.current
    if (!element) return
    const style = getComputedStyle(document.documentElement)
    const color = (name: string) => style.getPropertyValue(name).trim()
    const axis = {
      stroke: color('--mantine-color-dimmed'),
      grid: { stroke: color('--ek-line-soft'), width: 1 },
      ticks: { show: false },
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
    }
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { y: false },
        scales: { x: { time: true } },
        axes: [
          { ...axis, size: 28, values: timeText },
          { ...axis, size: 74, values: (_, splits) => splits.map(value => formatNow.current(value)) },
        ],
        series: [
          {},
          {
            stroke: color('--ek-petrol'),
            width: 1.6,
            fill: `color-mix(in srgb, ${color('--ek-petrol')} 9%, transparent)`,
            points: { show: false },
          },
          { stroke: color('--ek-waterline'), width: 1, dash: [5, 5], points: { show: false } },
        ],
      },
      [[], [], []],
      element,
    )
    plot.current = chart
    const resize = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }))
    resize.observe(element)
    return () => {
      resize.disconnect()
      chart.destroy()
      plot.current = null
    }
  }, [scheme, height])

  useEffect(() => {
    void scheme
    const [x, y] = thinned(times, values)
    plot.current?.setData([x, y, x.map(() => level ?? null)])
  }, [times, values, level, scheme])

  return <div ref={box} role="img" aria-label={label} style={{ width: '100%', minHeight: height }} />
}
