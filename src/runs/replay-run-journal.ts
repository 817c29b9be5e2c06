// The journal of a recorded run as a replay reads it: entry by entry, its hash chain checked on the way.

import type { Cursor } from './pump.ts'

/** A row of the journal. */
export interface RecordedEntry {
  readonly seq: number
  readonly atMs: number
  readonly kind: string
  readonly payload: unknown
  /** Set at the last entry of each transaction. */
  readonly stateHash: string | null
  readonly prevHash: string
  readonly hash: string
}

/** How a journal is chained: storage knows. */
export interface JournalHashes {
  /** What the first entry is chained to. */
  readonly genesis: string
  entry(previous: string, entry: Pick<RecordedEntry, 'seq' | 'atMs' | 'kind' | 'payload'>): string
  state(state: unknown): string
}

export interface ChainReport {
  /** Entries whose hash was reckoned. */
  readonly entries: number
  readonly brokenAtSeq: number | null
  /** What is wrong there; null where nothing is. */
  readonly reason: string | null
}

export class JournalReader {
  readonly #source: AsyncIterator<RecordedEntry>
  readonly #hashes: JournalHashes
  readonly #ahead: RecordedEntry[] = []
  #tail: { seq: number; hash: string }
  #entries = 0
  #broken: { seq: number; reason: string } | null = null
  #over = false

  constructor(source: AsyncIterable<RecordedEntry>, hashes: JournalHashes) {
    this.#source = source[Symbol.asyncIterator]()
    this.#hashes = hashes
    this.#tail = { seq: 0, hash: hashes.genesis }
  }

  /** The entry `ahead` places behind the next one; null behind the end. */
  async peek(ahead = 0): Promise<RecordedEntry | null> {
    while (this.#ahead.length <= ahead && !this.#over) {
      const { value, done } = await this.#source.next()
      if (done) this.#over = true
      else {
        this.#check(value)
        this.#ahead.push(value)
      }
    }
    return this.#ahead[ahead] ?? null
  }

  async next(): Promise<RecordedEntry | null> {
    await this.peek()
    return this.#ahead.shift() ?? null
  }

  /** Reads to the end, for the chain's sake. */
  async drain(): Promise<void> {
    while (await this.next());
  }

  chain(): ChainReport {
    return { entries: this.#entries, brokenAtSeq: this.#broken?.seq ?? null, reason: this.#broken?.reason ?? null }
  }

  #check(entry: RecordedEntry): void {
    this.#entries += 1
    const broken = (reason: string): void => {
      this.#broken ??= { seq: entry.seq, reason }
    }
    if (entry.seq !== this.#tail.seq + 1) broken(`entry ${entry.seq} follows entry ${this.#tail.seq}`)
    if (entry.prevHash !== this.#tail.hash) broken(`entry ${entry.seq} names another predecessor than entry ${this.#tail.seq}`)
    if (this.#hashes.entry(entry.prevHash, entry) !== entry.hash)
      broken(`what entry ${entry.seq} says is not what its hash was made of`)
    this.#tail = { seq: entry.seq, hash: entry.hash }
  }
}

/** Entries that tell of instants at which nothing happened. */
const RANGES: ReadonlySet<string> = new Set(['asleep', 'caught_up'])

export type Transaction =
  /** A command, an edit, the start: it came from outside, when the feed stood at `cursor`. */
  | { readonly kind: 'outside'; readonly entry: RecordedEntry; readonly cursor: Cursor | null }
  /** Written only to say how far the feed was read. */
  | { readonly kind: 'quiet'; readonly cursor: Cursor | null }
  /** What an instant of the feed brought about, and what came from outside right behind it, in the same transaction. */
  | { readonly kind: 'instant'; readonly behind: RecordedEntry | null }

/** What the transaction that begins at the next entry is; null at the end. */
export async function nextTransaction(reader: JournalReader, outside: ReadonlySet<string>): Promise<Transaction | null> {
  let isInstant = false
  for (let ahead = 0; ; ahead += 1) {
    const entry = await reader.peek(ahead)
    if (!entry) return ahead === 0 ? null : { kind: 'instant', behind: null }
    if (outside.has(entry.kind)) {
      return isInstant ? { kind: 'instant', behind: entry } : { kind: 'outside', entry, cursor: cursorOf(entry) }
    }
    if (!isInstant && entry.kind === 'progress') return { kind: 'quiet', cursor: cursorOf(entry) }
    const isRange = RANGES.has(entry.kind)
    if (!isRange) isInstant = true
    if (entry.stateHash !== null)
      return isInstant ? { kind: 'instant', behind: null } : { kind: 'quiet', cursor: cursorOf(entry) }
  }
}

function cursorOf(entry: RecordedEntry): Cursor | null {
  const { cursor } = (entry.payload ?? {}) as { cursor?: Cursor }
  return cursor && typeof cursor.atMs === 'number' ? cursor : null
}
