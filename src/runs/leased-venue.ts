// The venue of an account that is held under a lease: while the worker cannot show that it still holds it, nothing leaves, questions
// neither. Whoever holds the account then may be asking already, with a budget of calls that is one for both.

import type { Venue } from '../engine/ports.ts'
import { VenueError } from '../engine/venue.ts'

/** @returns the same venue, whose calls reject as long as `mayAct` says no. */
export function leasedVenue(venue: Venue, mayAct: () => boolean): Venue {
  const guarded =
    <Parameters extends readonly unknown[], Answer>(call: (...parameters: Parameters) => Promise<Answer>) =>
    (...parameters: Parameters): Promise<Answer> =>
      mayAct()
        ? call(...parameters)
        : Promise.reject(new VenueError('ambiguous', 'NOT_SENT', 'the lease of the account is in doubt, nothing was sent'))
  return {
    capabilities: venue.capabilities,
    place: guarded(order => venue.place(order)),
    cancel: guarded(order => venue.cancel(order)),
    find: guarded(order => venue.find(order)),
    openOrders: guarded(() => venue.openOrders()),
    history: guarded(sinceMs => venue.history(sinceMs)),
    fillsSince: guarded((symbol, cursor) => venue.fillsSince(symbol, cursor)),
    balances: guarded(() => venue.balances()),
    positions: guarded(() => venue.positions()),
    serverTime: guarded(() => venue.serverTime()),
    instruments: guarded(() => venue.instruments()),
    subscribe: listener => venue.subscribe(listener),
  }
}
