// One figure with its name, and results in green or vermilion with a sign, so that colour never carries the meaning alone.

import { Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Decimal } from '../../../src/core/money/decimal.ts'
import { DASH, direction, localTime, money, signed, utcTime } from './format.ts'

export function Figures({ children }: { children: ReactNode }) {
  return <dl className="figures">{children}</dl>
}

export function Figure({ label, children, hint }: { label: string; children: ReactNode; hint?: string }) {
  return (
    <div className="figure" title={hint}>
      <dt>{label}</dt>
      <dd className="num">{children}</dd>
    </div>
  )
}

/** Profit or loss. `how` formats the amount; money by default. */
export function Result(props: {
  value: string | Decimal | null | undefined
  how?: (value: string | Decimal | null | undefined) => string
  unit?: string
}) {
  const { value, how = money, unit } = props
  const sign = direction(value)
  const text = signed(value, how)
  return (
    <span className={`num ${sign > 0 ? 'gain' : sign < 0 ? 'loss' : ''}`}>
      {text}
      {unit && text !== DASH ? ` ${unit}` : ''}
    </span>
  )
}

/** Local time; UTC on hover and on focus. */
export function Time({ iso }: { iso: string | null | undefined }) {
  if (!iso) return <span>{DASH}</span>
  return (
    <Tooltip label={utcTime(iso)}>
      <time dateTime={iso}>{localTime(iso)}</time>
    </Tooltip>
  )
}
