// Bugs that are planted on purpose, at the ports of the run: each is one that a platform like this could have. A laboratory that does
// not find them is broken; what it says about the real code would mean nothing.

import type { AccountStore, Venue } from '../engine/ports.ts'
import type { LabWorkerWorld } from './lab-worker.ts'

export interface Mutation {
  readonly name: string
  readonly about: string
  /** Acts without asking whether it still may. */
  readonly ignoresLease?: boolean
  store?(inner: AccountStore, world: LabWorkerWorld): AccountStore
  venue?(inner: Venue, world: LabWorkerWorld): Venue
}
