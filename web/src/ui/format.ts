// Numbers and times as people read them. Money arrives as exact text and is shortened for the eye only; what is unknown is a dash.

import { Decimal } from '../../../src/core/money/decimal.ts'

export const DASH = '–'

type Amount = string | Decimal | null | undefined

function decimalOf(value: Amount): Decimal | null {
  if (value === null || value === undefined) return null
  if (typeof value !== 'string') return value
  return Decimal.isDecimalText(value) ? Decimal.from(value) : null
}

function grouped(text: string): string {
  const [whole = '', part] = text.split('.')
  const sign = whole.startsWith('-') ? '−' : ''
  const digits = whole.replace('-', '').replace(/\B(?=(\d{3})+$)/g, ',')
  return `${sign}${digits}${part === undefined ? '' : `.${part}`}`
}

function padded(value: Decimal, places: number): string {
  const text = value.round(places, 'half_even').toString()
  if (places === 0) return grouped(text)
  const [whole = '0', part = ''] = text.split('.')
  return grouped(`${whole}.${part.padEnd(places, '0')}`)
}

/** Money with two places, or as many as an amount below a cent needs to show three digits. */
export function money(value: Amount): string {
  const decimal = decimalOf(value)
  if (!decimal) return DASH
  return padded(decimal, decimal.isZero() ? 2 : placesFor(decimal, 2))
}

function placesFor(value: Decimal, least: number): number {
  const size = Math.abs(value.toNumber())
  if (size >= 0.01) return least
  return Math.min(12, Math.max(least, 2 - Math.floor(Math.log10(size))))
}

/** A price with the places of its tick, if it is known. */
export function price(value: Amount, tick?: Decimal): string {
  const decimal = decimalOf(value)
  if (!decimal) return DASH
  if (tick) return padded(decimal, tick.places())
  const size = decimal.abs().toNumber()
  if (size >= 1000) return padded(decimal, 2)
  return size >= 1 ? padded(decimal, Math.max(2, Math.min(4, decimal.places()))) : money(decimal)
}

/** A quantity with every digit it has. */
export function quantity(value: Amount): string {
  const decimal = decimalOf(value)
  return decimal ? grouped(decimal.places() > 8 ? decimal.round(8, 'down').toString() : decimal.toString()) : DASH
}

export function percent(value: Amount, places = 2): string {
  const decimal = decimalOf(value)
  return decimal ? `${padded(decimal, places)} %` : DASH
}

/** With a sign in front: for results. */
export function signed(value: Amount, how: (value: Amount) => string = money): string {
  const decimal = decimalOf(value)
  if (!decimal) return DASH
  return decimal.isPositive() ? `+${how(decimal)}` : how(decimal)
}

/** 1 gain, -1 loss, 0 neither or unknown. */
export function direction(value: Amount): -1 | 0 | 1 {
  return decimalOf(value)?.sign() ?? 0
}

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** 5 s, 3 min, 2 h 5 min, 4 d 3 h */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH
  const whole = Math.max(0, Math.round(seconds))
  if (whole < MINUTE) return `${whole} s`
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`
  if (whole < DAY) return two(whole, HOUR, 'h', MINUTE, 'min')
  return two(whole, DAY, 'd', HOUR, 'h')
}

function two(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small)
  return `${Math.floor(seconds / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`
}

export function localTime(iso: string): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return DASH
  const now = new Date()
  const sameDay = at.toDateString() === now.toDateString()
  const time = at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
  if (sameDay) return time
  const day = at.toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    ...(at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' }),
  })
  return `${day} ${time}`
}

export function utcTime(iso: string): string {
  const at = new Date(iso)
  return Number.isNaN(at.getTime()) ? DASH : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** take_profit -> Take profit */
export function words(code: string | null | undefined): string {
  if (!code) return DASH
  const spaced = code.replaceAll('_', ' ').toLowerCase()
  return spaced.charAt(0).toUpperCase() + spaced.slice(1)
}
