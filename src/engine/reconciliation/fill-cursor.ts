// How far the fills of a symbol have been read for good (execution.md 7.3). A venue's cursor is opaque, so the overlap is made of time: a
// place that a complete read has reached becomes the cursor ten minutes later, and until then everything behind the old one is read again.

import type { FillCursor } from '../account-store.ts'
import type { FillsPage } from '../venue.ts'
import { fillKey } from './evidence.ts'

/** Fills may appear out of order for this long. */
const OVERLAP_MS = 10 * 60_000
/** Places closer together than this add nothing to the overlap. */
const APART_MS = 30_000

export interface CursorTrack {
  readonly symbol: string
  /** What is stored: the next read begins here. */
  readonly cursor: FillCursor | null
  /** Places reached since, oldest first, by when they were read. */
  readonly reached: readonly FillCursor[]
}

export function newCursorTrack(symbol: string, cursor: FillCursor | null): CursorTrack {
  return { symbol, cursor, reached: [] }
}

/**
 * After a page behind `track.cursor`: in the commit that books its fills.
 * @param settled keys of fills that are booked, with this commit, or belong to nobody here (`fillKey`).
 */
export function advanceCursor(track: CursorTrack, page: FillsPage, settled: ReadonlySet<string>, readAtMs: number): CursorTrack {
  const isSettled = page.fills.every(fill => settled.has(fillKey(fill.symbol, fill.venueFillId)))
  // An unbooked fill may lie before places that were reached earlier: they are not trusted any more.
  if (!isSettled) return { ...track, reached: [] }
  if (!page.complete || page.cursor === '') return track
  const here: FillCursor = { symbol: track.symbol, cursor: page.cursor, atMs: readAtMs }
  const last = track.reached.at(-1)
  const reached = last && readAtMs - last.atMs < APART_MS ? track.reached : [...track.reached, here]
  const due = reached.filter(place => readAtMs - place.atMs >= OVERLAP_MS).length
  if (due === 0) return { ...track, reached }
  return { ...track, cursor: reached[due - 1]!, reached: reached.slice(due) }
}
