// Sends what is committed: the most urgent intent first, as the venue's limits allow. That it is being sent is committed before the call,
// the call is made once, and whatever comes of it - an answer, a refusal, silence - goes back to the writer as an event.

import type { SavedIntent } from '../engine/account-store.ts'
import type { Venue } from '../engine/ports.ts'
import {
  CALL_CLASSES,
  type CallClass,
  type PlacePayload,
  VenueError,
  type VenueOrder,
  type VenueOrderRef,
} from '../engine/venue.ts'
import type { AccountClock } from './account-ports.ts'
import type { Governor } from './governor.ts'
import { Kick } from './kick.ts'
import { nap } from './outage.ts'
import { asVenueError, CALL_TIMEOUT_MS, callOnce } from './retry.ts'

export type CallOutcome =
  | { readonly kind: 'answered'; readonly order: VenueOrder }
  | { readonly kind: 'failed'; readonly error: VenueError }

export interface DispatchDeps {
  readonly venue: Venue
  readonly clock: AccountClock
  readonly governor: Governor
  readonly account: string
  /** False while nothing may be sent: the lease is in doubt. */
  mayAct(): boolean
  /** Intents that may be sent now. */
  sendable(): Iterable<SavedIntent>
  /** Commits that it is being sent. @returns false when it is not to be sent any more. */
  claim(intent: SavedIntent): Promise<boolean>
  /** Told once for each call that was made, and for one that could not be made any more. */
  outcome(intent: SavedIntent, outcome: CallOutcome): void
  /** An answer that came after its time-out: evidence all the same. */
  late(intent: SavedIntent, order: VenueOrder): void
}

/** A claimed intent that could not be sent for this long is not sent any more: it counts as in doubt, which is safe. */
const CLAIM_STANDS_MS = 5000
const MAY_NOT_ACT_MS = 250
const IDLE_MS = 3_600_000

export class Dispatcher {
  readonly #deps: DispatchDeps
  readonly #kick: Kick
  /** Ends the waiting for the limits where something more urgent has come. */
  #overtake: () => void = () => {}

  constructor(deps: DispatchDeps) {
    this.#deps = deps
    this.#kick = new Kick(deps.clock)
  }

  /** There may be something to send. */
  kick(): void {
    this.#kick.kick()
    this.#overtake()
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const urgent = this.#mostUrgent()
      if (!urgent || !this.#deps.mayAct()) {
        await this.#kick.wait(urgent ? MAY_NOT_ACT_MS : IDLE_MS, signal)
        continue
      }
      if (!(await this.#admitted(urgent, signal))) continue
      // While it waited for its turn something more urgent may have come, or it may have been withdrawn.
      const intent = this.#mostUrgent(urgent.priority)
      if (!intent || signal.aborted || !(await this.#deps.claim(intent))) continue
      void this.#send(intent, signal)
    }
  }

  /** Waits for the venue's limits; false where something more urgent has come meanwhile, which more of the limits is open to. */
  async #admitted(intent: SavedIntent, signal: AbortSignal): Promise<boolean> {
    const call = { class: intent.priority, account: this.#deps.account, weight: 1, isOrder: intent.kind === 'place' }
    const overtaken = new AbortController()
    this.#overtake = () => {
      const next = this.#mostUrgent()
      if (next && rank(next.priority) < rank(intent.priority)) overtaken.abort()
    }
    try {
      await this.#deps.governor.acquire({ ...call, deadlineMs: intent.createdAtMs }, AbortSignal.any([signal, overtaken.signal]))
      return true
    } catch (error) {
      if (signal.aborted || overtaken.signal.aborted) return false
      throw error
    } finally {
      this.#overtake = () => {}
    }
  }

  #mostUrgent(atLeast: CallClass = 'P6'): SavedIntent | null {
    let best: SavedIntent | null = null
    for (const intent of this.#deps.sendable()) {
      if (rank(intent.priority) > rank(atLeast)) continue
      const isMore =
        best === null ||
        rank(intent.priority) < rank(best.priority) ||
        (intent.priority === best.priority && intent.createdAtMs < best.createdAtMs)
      if (isMore) best = intent
    }
    return best
  }

  async #send(intent: SavedIntent, signal: AbortSignal): Promise<void> {
    const { clock, venue } = this.#deps
    const claimedMs = clock.monotonic()
    // Since it was admitted the lease may have run out, or the venue may have shut the door.
    while (!this.#deps.mayAct() || this.#deps.governor.isShut()) {
      if (signal.aborted) return
      if (clock.monotonic() - claimedMs > CLAIM_STANDS_MS) {
        this.#deps.outcome(intent, {
          kind: 'failed',
          error: new VenueError('ambiguous', 'NOT_SENT', 'the lease was in doubt or the venue had shut us out, it was not sent'),
        })
        return
      }
      await nap(clock, MAY_NOT_ACT_MS, signal)
    }
    if (signal.aborted) return
    const call = (): Promise<VenueOrder> =>
      intent.kind === 'place' ? venue.place(intent.payload as PlacePayload) : venue.cancel(intent.payload as VenueOrderRef)
    try {
      const order = await callOnce(call, CALL_TIMEOUT_MS, clock, late => this.#deps.late(intent, late))
      this.#deps.outcome(intent, { kind: 'answered', order })
    } catch (error) {
      // Others must know at once that the venue has shut the door: the outcome may wait for a slow commit.
      this.#deps.governor.noteError(this.#deps.account, error)
      this.#deps.outcome(intent, { kind: 'failed', error: asVenueError(error) })
    }
  }
}

function rank(callClass: CallClass): number {
  return CALL_CLASSES.indexOf(callClass)
}
