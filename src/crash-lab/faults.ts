// What can go wrong in the laboratory, each under a name, with the group that --faults switches. A story names the faults it suffers and
// how often each may strike; all of them end with its fault phase, after which the world is honest and the platform must come to rest.

import type { Dice } from './dice.ts'

export const FAULT_GROUPS = ['venue', 'net', 'db', 'clock'] as const
export type FaultGroup = (typeof FAULT_GROUPS)[number]

interface FaultKind {
  readonly group: FaultGroup
  readonly about: string
  /** How often it strikes where it can, in a story of its own. */
  readonly often: number
}

const kind = (group: FaultGroup, often: number, about: string): FaultKind => ({ group, often, about })

export const FAULTS = {
  delay: kind('net', 0.2, 'a request or its answer takes seconds'),
  late_arrival: kind('net', 0.08, 'a request arrives up to 40 s after it was sent, its answer never'),
  lost_request: kind('net', 0.1, 'a request never arrives and nobody says so'),
  lost_answer: kind('net', 0.15, 'a request takes effect, the answer never comes'),
  reset_before: kind('net', 0.12, 'the connection breaks before the request arrives'),
  reset_after: kind('net', 0.12, 'the connection breaks after the request took effect'),
  stream_reorder: kind('net', 0.3, 'a message of the stream comes seconds late, after others'),
  stream_duplicate: kind('net', 0.3, 'a message of the stream comes twice'),
  stream_gap: kind('net', 0.3, 'a message of the stream is lost without a word'),
  stream_disconnect: kind('net', 0.06, 'the stream breaks for a while; what happens then is not told'),

  not_found: kind('venue', 0.35, 'an accepted order is not found for up to 30 s'),
  empty_open_orders: kind('venue', 0.3, 'the list of open orders is empty although orders rest'),
  stale_snapshot: kind('venue', 0.3, 'an answer shows the state of some seconds ago'),
  missing_page: kind('venue', 0.3, 'part of a list is missing'),
  doubled_page: kind('venue', 0.3, 'part of a list comes twice'),
  null_fields: kind('venue', 0.3, 'executed quantity, fee or client order id are not stated'),
  rate_limit: kind('venue', 0.1, '429: called too often, come back later'),
  ban: kind('venue', 0.02, '418: banned for a while'),
  server_error: kind('venue', 0.12, '5xx, before or after the request took effect'),
  html_answer: kind('venue', 0.1, 'an HTML page instead of an answer, before or after the request took effect'),
  maintenance: kind('venue', 0.03, 'the venue is closed for a minute'),
  refusal: kind('venue', 0.1, 'an order is refused for want of funds'),
  late_fill: kind('venue', 0.4, 'an execution is told up to 25 s late, after a cancel was confirmed if one came'),
  overfill: kind('venue', 0.2, 'a buy executes one step more than was ordered'),
  partial_fill: kind('venue', 0.6, 'a trade reaches only part of a resting order'),
  delisting: kind('venue', 1, 'the pair is taken off the list for some minutes; its orders expire'),
  filter_change: kind('venue', 1, 'step, tick and smallest value of the pair change'),
  fee_coin: kind('venue', 1, 'fees are taken in a third coin from now on'),
  foreign_order: kind('venue', 1, 'orders that are not ours appear in the account'),
  balance_drift: kind('venue', 1, 'money comes or goes without an order'),

  db_slow: kind('db', 0.2, 'the database takes seconds'),
  db_lost_commit: kind('db', 0.08, 'a commit fails, nothing was written'),
  db_false_error: kind('db', 0.08, 'a commit takes effect and reports an error'),
  db_disconnect: kind('db', 0.03, 'the database is away for up to two minutes'),
  db_disk_full: kind('db', 0.03, 'the disk of the database is full for up to two minutes'),

  wall_jump: kind('clock', 0.02, 'the wall clock jumps, forward or back'),
  skew: kind('clock', 1, 'the wall clock is wrong by some seconds all the time'),
  clock_error: kind('clock', 0.06, 'the venue refuses a request for its timestamp'),
} as const satisfies Readonly<Record<string, FaultKind>>

export type FaultName = keyof typeof FAULTS
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]

export interface FaultDose {
  readonly name: FaultName
  /** Chance at each opportunity. */
  readonly probability: number
}

/** The faults of one story: who strikes when, and how often each has. */
export class FaultPlan {
  readonly #doses = new Map<FaultName, { readonly probability: number; readonly dice: Dice }>()
  readonly #strikes = new Map<FaultName, number>()
  readonly #window: () => boolean
  readonly #told: (name: FaultName) => void

  /**
   * @param isActive whether the fault phase lasts at this instant.
   * @param told is called with each strike.
   */
  constructor(doses: readonly FaultDose[], dice: Dice, isActive: () => boolean, told: (name: FaultName) => void) {
    for (const { name, probability } of doses) this.#doses.set(name, { probability, dice: dice.fork(name) })
    this.#window = isActive
    this.#told = told
  }

  has(name: FaultName): boolean {
    return this.#doses.has(name)
  }

  /** Whether this opportunity is taken. */
  strikes(name: FaultName): boolean {
    const dose = this.#doses.get(name)
    if (!dose || !this.#window() || !dose.dice.chance(dose.probability)) return false
    this.note(name)
    return true
  }

  /** Dice of a fault that has struck: how long, how much. */
  dice(name: FaultName): Dice {
    const dose = this.#doses.get(name)
    if (!dose) throw new Error(`fault ${name} is not part of this story`)
    return dose.dice
  }

  note(name: FaultName): void {
    this.#strikes.set(name, (this.#strikes.get(name) ?? 0) + 1)
    this.#told(name)
  }

  strikesByName(): ReadonlyMap<FaultName, number> {
    return this.#strikes
  }
}
