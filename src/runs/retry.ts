// What a venue's refusal means (execution.md 2.7): one table for calls that create an order, which are made once and never again, and one
// for calls that only read. What is unmapped or unreadable is ambiguous: it may have taken effect.

import { type CallClass, VENUE_ERROR_CLASSES, VenueError, type VenueErrorClass } from '../engine/venue.ts'
import type { AccountClock } from './account-ports.ts'
import type { Governor } from './governor.ts'

/** What is to be done beside telling the order. */
export type FollowUp = 'refresh_rules' | 'resync_clock' | 'entries_off' | 'pause_calls' | 'probe_every_60s' | 'look_up' | 'alarm'

export interface CreateRule {
  /** `rejected`: the venue has said no. `lost_touch`: nobody knows, the order is in doubt. */
  readonly event: 'rejected' | 'lost_touch'
  /** Whether the same decision may be taken again, as a new order with a new sequence. */
  readonly again: 'never' | 'once' | 'after_wait'
  readonly followUps: readonly FollowUp[]
  /** When the one repetition was refused for the same cause. */
  readonly followUpsIfRepeated: readonly FollowUp[]
}

function createRule(
  event: CreateRule['event'],
  again: CreateRule['again'],
  followUps: readonly FollowUp[],
  followUpsIfRepeated: readonly FollowUp[] = followUps,
): CreateRule {
  return { event, again, followUps, followUpsIfRepeated }
}

export const CREATE_RULES: Record<VenueErrorClass, CreateRule> = {
  refused: createRule('rejected', 'never', []),
  filter: createRule('rejected', 'once', ['refresh_rules']),
  rate_limited: createRule('rejected', 'after_wait', ['pause_calls']),
  banned: createRule('rejected', 'after_wait', ['pause_calls', 'alarm']),
  clock: createRule('rejected', 'once', ['resync_clock'], ['resync_clock', 'entries_off']),
  auth: createRule('rejected', 'never', ['entries_off', 'alarm']),
  maintenance: createRule('rejected', 'after_wait', ['probe_every_60s']),
  duplicate: createRule('lost_touch', 'never', ['look_up']),
  not_found: createRule('lost_touch', 'never', ['look_up']),
  ambiguous: createRule('lost_touch', 'never', ['look_up']),
}

/** How long maintenance, and a limit without a stated end, is waited out. */
const PROBE_MS = 60_000

export interface CreateVerdict {
  readonly event: CreateRule['event']
  readonly again: CreateRule['again']
  readonly followUps: readonly FollowUp[]
  /** For `after_wait`: no new decision before this has passed; null where nothing is waited for. */
  readonly waitMs: number | null
  /** For the order's reason and the log. */
  readonly reason: string
}

/**
 * @param error what a place call was rejected with, of any kind.
 * @param isRepetition the decision was refused for this class of cause before and taken anew: it is not taken a third time.
 */
export function createVerdict(error: unknown, isRepetition = false): CreateVerdict {
  const { class: errorClass, retryAfterMs } = asVenueError(error)
  const rule = CREATE_RULES[errorClass]
  return {
    event: rule.event,
    again: rule.again === 'once' && isRepetition ? 'never' : rule.again,
    followUps: isRepetition ? rule.followUpsIfRepeated : rule.followUps,
    waitMs: rule.again === 'after_wait' ? (retryAfterMs ?? PROBE_MS) : null,
    reason: errorText(error),
  }
}

/** An answer that says no leaves the order as it was; anything else leaves it in question. Either way it is looked up, never asked again. */
const CANCEL_EVENTS: Record<VenueErrorClass, 'cancel_refused' | 'cancel_lost'> = {
  refused: 'cancel_refused',
  filter: 'cancel_refused',
  rate_limited: 'cancel_refused',
  banned: 'cancel_refused',
  clock: 'cancel_refused',
  auth: 'cancel_refused',
  maintenance: 'cancel_refused',
  duplicate: 'cancel_refused',
  not_found: 'cancel_refused',
  ambiguous: 'cancel_lost',
}

export function cancelVerdict(error: unknown): { readonly event: 'cancel_refused' | 'cancel_lost'; readonly reason: string } {
  return { event: CANCEL_EVENTS[asVenueError(error).class], reason: errorText(error) }
}

/** `answer`: the venue has answered, with no. `stop`: asking again cannot help. */
export type ReadRule = 'answer' | 'stop' | 'wait' | 'back_off' | 'resync_once'

export const READ_RULES: Record<VenueErrorClass, ReadRule> = {
  refused: 'stop',
  filter: 'stop',
  rate_limited: 'wait',
  banned: 'wait',
  clock: 'resync_once',
  auth: 'stop',
  maintenance: 'wait',
  duplicate: 'answer',
  not_found: 'answer',
  ambiguous: 'back_off',
}

const READ_TRIES = 6
const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 30_000
/** Part of a delay by which it may be shorter or longer, lest all callers come back together. */
const SPREAD = 0.2

/** Wait before the next try of a read that failed ambiguously `failures` times, from 1. */
export function readDelayMs(failures: number, chance: number): number {
  const spread = 1 + SPREAD * (2 * chance - 1)
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1) * spread)
}

/** What a read has come to so far. */
export interface ReadTries {
  readonly ambiguous: number
  readonly clock: number
}

export const NO_TRIES: ReadTries = { ambiguous: 0, clock: 0 }

export type ReadStep =
  | { readonly kind: 'answer' }
  /** Asking again cannot help, or did not help often enough: what was known before is stale. */
  | { readonly kind: 'stop' | 'stale' }
  | { readonly kind: 'retry'; readonly afterMs: number; readonly resyncFirst: boolean; readonly tries: ReadTries }

/** @param chance in [0, 1). */
export function readStep(error: unknown, tries: ReadTries, chance: number, triesMax = READ_TRIES): ReadStep {
  const { class: errorClass, retryAfterMs } = asVenueError(error)
  const then = READ_RULES[errorClass]
  if (then === 'answer') return { kind: 'answer' }
  if (then === 'wait') return { kind: 'retry', afterMs: retryAfterMs ?? PROBE_MS, resyncFirst: false, tries }
  if (then === 'resync_once' && tries.clock === 0) {
    return { kind: 'retry', afterMs: 0, resyncFirst: true, tries: { ...tries, clock: 1 } }
  }
  if (then !== 'back_off') return { kind: 'stop' }
  const failures = tries.ambiguous + 1
  if (failures >= triesMax) return { kind: 'stale' }
  return {
    kind: 'retry',
    afterMs: readDelayMs(failures, chance),
    resyncFirst: false,
    tries: { ...tries, ambiguous: failures },
  }
}

export interface ReadDeps {
  readonly clock: Pick<AccountClock, 'sleep'>
  readonly governor: Pick<Governor, 'acquire' | 'noteError'>
  readonly account: string
  readonly callClass: CallClass
  readonly signal: AbortSignal
  /** In [0, 1). */
  random(): number
  /** Of the venue's limit; 1 where it is not stated. */
  readonly weight?: number
  /** Calls that may fail ambiguously before it is given up; 1 for callers with a schedule of their own, which never wait here. */
  readonly tries?: number
  /** Orders calls of one class and account: those due earlier go first. Any clock, the same for all. */
  readonly dueAtMs?: number
  /** Asked for once when the venue disputes our time. */
  resync?(): Promise<unknown>
}

/**
 * Reads until it is answered or further tries are in vain; each try waits for room at the venue.
 * @throws VenueError of the last try, or the signal's reason.
 */
export async function readPatiently<T>(call: () => Promise<T>, deps: ReadDeps): Promise<T> {
  const { callClass, account, signal, governor, clock } = deps
  const request = { class: callClass, account, weight: deps.weight ?? 1, isOrder: false, deadlineMs: deps.dueAtMs ?? 0 }
  const triesMax = deps.tries ?? READ_TRIES
  let tries = NO_TRIES
  for (;;) {
    await governor.acquire(request, signal)
    try {
      return await callOnce(call, CALL_TIMEOUT_MS, clock)
    } catch (error) {
      signal.throwIfAborted()
      governor.noteError(account, error)
      const step = readStep(error, tries, deps.random(), triesMax)
      if (step.kind !== 'retry' || triesMax === 1) throw asVenueError(error)
      tries = step.tries
      if (step.resyncFirst) await deps.resync?.()
      if (step.afterMs > 0) await clock.sleep(step.afterMs, signal)
      signal.throwIfAborted()
    }
  }
}

export const CALL_TIMEOUT_MS = 10_000

/**
 * One call, made once: it is never repeated here. What arrives after the time-out changes nothing for the caller and goes to `onLate`.
 * @throws VenueError, of class ambiguous after the time-out and for whatever is not one.
 */
export function callOnce<T>(
  call: () => Promise<T>,
  timeoutMs: number,
  clock: Pick<AccountClock, 'sleep'>,
  onLate: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const answered = new AbortController()
    let hasTimedOut = false
    const timeOut = (): void => {
      if (answered.signal.aborted) return
      hasTimedOut = true
      reject(new VenueError('ambiguous', 'TIMEOUT', `no answer within ${timeoutMs / 1_000} s`))
    }
    settled(call).then(
      value => {
        answered.abort()
        if (hasTimedOut) onLate(value)
        else resolve(value)
      },
      error => {
        answered.abort()
        reject(asVenueError(error))
      },
    )
    clock.sleep(timeoutMs, answered.signal).then(timeOut, timeOut)
  })
}

/** A call that throws instead of rejecting is a failed call like any other. */
async function settled<T>(call: () => Promise<T>): Promise<T> {
  return call()
}

/** Whatever a call was rejected with, as one of the known classes. */
export function asVenueError(error: unknown): VenueError {
  if (error instanceof VenueError && VENUE_ERROR_CLASSES.includes(error.class)) return error
  const wrapped = new VenueError('ambiguous', 'UNREADABLE', messageOf(error))
  wrapped.cause = error
  return wrapped
}

function errorText(error: unknown): string {
  const { code, message } = asVenueError(error)
  return message === '' ? code : `${code}: ${message}`
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message
  return typeof error === 'string' ? error : 'the call failed without a readable error'
}
