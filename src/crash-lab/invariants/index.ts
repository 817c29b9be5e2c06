// Every invariant of the laboratory, by number; and those of the list that it cannot break, each with the reason.

import { comesToRest, replays, secondLookIsQuiet } from './endings.ts'
import { bookedIsReal, bookedOnce, cursorBehindFills, ownBooks } from './fills.ts'
import type { Invariant, InvariantNote } from './invariant.ts'
import { basisIffHeld, booksBalance, ledgerIsVenue, netIsEquity, positionIsFills, projectionsAgree } from './money.ts'
import { toldOnce } from './notices.ts'
import { foldOfEvidence, intentBeforeCall, noOverfill, oneVenueOrder, unknownBlocks } from './orders.ts'
import { exitsAreFree, noOversell, stopCovers, stopsMonotone } from './protection.ts'
import { entriesWhenClean, noStaleCall, withinLimits } from './rules.ts'

export const INVARIANTS: readonly Invariant[] = [
  oneVenueOrder,
  noOverfill,
  bookedOnce,
  bookedIsReal,
  booksBalance,
  ledgerIsVenue,
  positionIsFills,
  basisIffHeld,
  netIsEquity,
  foldOfEvidence,
  intentBeforeCall,
  noStaleCall,
  unknownBlocks,
  stopCovers,
  noOversell,
  stopsMonotone,
  entriesWhenClean,
  exitsAreFree,
  replays,
  secondLookIsQuiet,
  projectionsAgree,
  ownBooks,
  toldOnce,
  cursorBehindFills,
  withinLimits,
  comesToRest,
]

export const NOT_WATCHED: readonly InvariantNote[] = [
  {
    number: 6,
    name: 'funding and margin in the ledger',
    reason: 'the bots of a real account trade spot: there is no funding, no margin and no liquidation to book',
  },
  {
    number: 22,
    name: 'tenants untouched by others',
    reason: 'an account is of one tenant; here the bots of one account are kept apart, row-level security has tests of its own',
  },
]

/** A run or a bot that stopped for a mistake of ours breaks the story whatever else holds. */
export const OWN_MISTAKE = 0
