// An order whose fate is not known, and what it takes to know it (execution.md 2.5). It is found, or it is proven absent: every source
// that the venue needs for the proof answers completely twice, far enough apart and late enough after the call, and nothing moved at the
// account that nobody can explain. A failed call, an unfinished list and time that passes prove nothing.

import type { OrderRecord } from '../account-store.ts'
import type { AbsenceSource, VenueCapabilities, VenueOrder } from '../venue.ts'

/** What a source said about the order. */
export type SourceAnswer = 'absent' | 'present' | 'incomplete' | 'failed'

export interface AbsenceRound {
  readonly atMs: number
  /** Sources that answered completely and did not have it. */
  readonly sources: readonly AbsenceSource[]
}

/** Plain JSON: kept with the intent, gone on from after a restart. */
export interface Doubt {
  /** When the call went out, on our clock corrected to the venue's. */
  readonly sinceMs: number
  readonly probes: number
  readonly lastProbeAtMs: number | null
  /** The order was seen: what is left is to apply its word. */
  readonly foundAtMs: number | null
  /** Newest last; begun anew whenever the order was seen or something unexplained moved. */
  readonly absences: readonly AbsenceRound[]
  /** The last probe met a change of position or balance that no booked fill explains. */
  readonly unexplained: boolean
  /** Sources that did not answer the last probe completely. */
  readonly silent: readonly AbsenceSource[]
}

export interface Probe {
  readonly atMs: number
  readonly found: boolean
  /** Only those that were asked. */
  readonly sources: Readonly<Partial<Record<AbsenceSource, SourceAnswer>>>
  readonly unexplained: boolean
}

/** Waits between probes, the first one after the call. */
const FIRST_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 30_000, 30_000] as const
const SLOW_DELAY_MS = 60_000
const SLOW_UNTIL_MS = 15 * 60_000
const LAST_DELAY_MS = 300_000
/** Two absences of a source count as two only this far apart. */
const APART_MS = 30_000
/** Rounds that are kept: probes are at least 30 s apart by then, so that the newest ones hold any proof. */
const KEPT_ROUNDS = 16

export function newDoubt(atMs: number): Doubt {
  return { sinceMs: atMs, probes: 0, lastProbeAtMs: null, foundAtMs: null, absences: [], unexplained: false, silent: [] }
}

/** When to ask next; it never ends by itself. */
export function nextProbeAtMs(doubt: Doubt): number {
  const last = doubt.lastProbeAtMs ?? doubt.sinceMs
  return last + delayMs(doubt.probes, last - doubt.sinceMs)
}

function delayMs(probes: number, ageMs: number): number {
  return FIRST_DELAYS_MS[probes] ?? (ageMs < SLOW_UNTIL_MS ? SLOW_DELAY_MS : LAST_DELAY_MS)
}

export function noteProbe(doubt: Doubt, probe: Probe): Doubt {
  const answers = Object.entries(probe.sources) as [AbsenceSource, SourceAnswer][]
  const seen = probe.found || answers.some(([, answer]) => answer === 'present')
  const kept = seen || probe.unexplained ? [] : doubt.absences
  const sources = answers.filter(([, answer]) => answer === 'absent').map(([source]) => source)
  const counts = !seen && !probe.unexplained && sources.length > 0
  return {
    sinceMs: doubt.sinceMs,
    probes: doubt.probes + 1,
    lastProbeAtMs: probe.atMs,
    foundAtMs: seen ? probe.atMs : doubt.foundAtMs,
    absences: counts ? [...kept, { atMs: probe.atMs, sources }].slice(-KEPT_ROUNDS) : kept,
    unexplained: probe.unexplained,
    silent: answers.filter(([, answer]) => answer === 'incomplete' || answer === 'failed').map(([source]) => source),
  }
}

type ProofRules = Pick<VenueCapabilities, 'absenceProof' | 'absenceHorizonSec'>

/** 'absent' is proof; 'wait' is anything else, for as long as it takes. */
export function verdict(doubt: Doubt, rules: ProofRules, nowMs: number): 'wait' | 'absent' {
  if (rules.absenceProof.length === 0) return 'wait'
  return rules.absenceProof.every(source => isProven(doubt, rules, source, nowMs)) ? 'absent' : 'wait'
}

function isProven(doubt: Doubt, rules: ProofRules, source: AbsenceSource, nowMs: number): boolean {
  const times = countingTimes(doubt, rules, source).filter(atMs => atMs <= nowMs)
  return times.length > 1 && Math.max(...times) - Math.min(...times) >= APART_MS
}

/** When a source was completely without the order, after the time in which it may not show it yet. */
function countingTimes(doubt: Doubt, rules: ProofRules, source: AbsenceSource): number[] {
  const fromMs = doubt.sinceMs + rules.absenceHorizonSec * 1_000
  return doubt.absences.filter(round => round.atMs >= fromMs && round.sources.includes(source)).map(round => round.atMs)
}

/** One line for people: what is known, and what comes next. */
export function doubtText(doubt: Doubt, rules: ProofRules, nowMs: number): string {
  const asked = doubt.probes === 0 ? 'not asked yet' : `asked ${times(doubt.probes)}`
  const next = `next look ${inTime(nextProbeAtMs(doubt) - nowMs)}`
  return `No answer for ${seconds(nowMs - doubt.sinceMs)}, ${asked}; ${stateText(doubt, rules, nowMs)}; ${next}`
}

function stateText(doubt: Doubt, rules: ProofRules, nowMs: number): string {
  if (verdict(doubt, rules, nowMs) === 'absent') return 'proven absent'
  if (doubt.unexplained) return 'the account moved in a way that no booked fill explains, so absence proves nothing yet'
  if (doubt.foundAtMs !== null && doubt.absences.length === 0) return 'the venue has it, its fills are being read'
  if (rules.absenceProof.length === 0) return 'this venue offers no proof of absence: only finding it or an operator ends this'
  if (doubt.silent.length > 0) return `no complete answer from ${names(doubt.silent)}`
  const horizonAtMs = doubt.sinceMs + rules.absenceHorizonSec * 1_000
  if (nowMs < horizonAtMs) return `not found so far, absence counts ${inTime(horizonAtMs - nowMs)}`
  const open = rules.absenceProof.filter(source => !isProven(doubt, rules, source, nowMs))
  return `not found, still to be answered again by ${names(open)}`
}

const SOURCE_NAMES: Record<AbsenceSource, string> = {
  find: 'the look-up',
  open_orders: 'open orders',
  history: 'the order history',
  fills: 'fills',
}

function names(sources: readonly AbsenceSource[]): string {
  return sources.map(source => SOURCE_NAMES[source]).join(', ')
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s`
}

function inTime(ms: number): string {
  return ms <= 0 ? 'now' : `in ${seconds(Math.max(1_000, ms))}`
}

/** Clocks of venue and server may differ by this much after the offset is taken off. */
const EARLY_MS = 2_000
/** An order that never moved since carries the time at which it arrived, which is at most this long after the call. */
const LATE_MS = 60_000

export interface MatchContext {
  /** When the call went out. */
  readonly sentAtMs: number
  /** Venue ids that belong to an order of ours, or were seen as foreign: taken already. */
  readonly taken: ReadonlySet<string>
  /** Other orders in doubt: one that looks the same makes a match worthless. */
  readonly rivals: readonly OrderRecord[]
}

/**
 * Where the venue cannot be asked by our id: the one order that is ours in instrument, side, kind, quantity, prices and time.
 * @returns null for none, and for more than one: then nobody can say which.
 */
export function matchWithoutId(record: OrderRecord, candidates: readonly VenueOrder[], context: MatchContext): VenueOrder | null {
  if (context.rivals.some(rival => rival.clientOrderId !== record.clientOrderId && looksAlike(record, rival))) return null
  const matches = candidates.filter(
    order =>
      order.clientOrderId === null &&
      !context.taken.has(order.venueOrderId) &&
      order.updatedAtMs >= context.sentAtMs - EARLY_MS &&
      order.updatedAtMs <= context.sentAtMs + LATE_MS &&
      isSameOrder(record.order, order),
  )
  const ids = new Set(matches.map(order => order.venueOrderId))
  return ids.size === 1 ? matches.at(-1)! : null
}

type Face = Pick<VenueOrder, 'symbol' | 'side' | 'type' | 'quantity' | 'limitPrice' | 'stopPrice'>

function looksAlike(a: OrderRecord, b: OrderRecord): boolean {
  return isSameOrder(a.order, b.order)
}

/** Equal in everything that an order was sent with. */
export function isSameOrder(a: Face, b: Face): boolean {
  return (
    a.symbol === b.symbol &&
    a.side === b.side &&
    a.type === b.type &&
    a.quantity.equals(b.quantity) &&
    isSamePrice(a.limitPrice, b.limitPrice) &&
    isSamePrice(a.stopPrice, b.stopPrice)
  )
}

function isSamePrice(a: Face['limitPrice'], b: Face['limitPrice']): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}
