// A recorded run out of the database, as a replay takes it.

import { canonicalJson } from '../core/hash/canonical-json.ts'
import { ENGINE_VERSION } from '../engine/version.ts'
import { systemClock } from '../market-data/clock.ts'
import type { RunFeedSpec, VenueSpec } from '../runs/ports.ts'
import type { RecordedRun, ReplayDeps } from '../runs/replay-run.ts'
import type { LateRange } from '../runs/replay-run-feeds.ts'
import type { Database } from '../storage/database.ts'
import { StorageError } from '../storage/errors.ts'
import { botVersions, journalLength, journalRows, journalRowsOf, type RunHead } from '../storage/parity-queries.ts'
import { canonicalEntry, GENESIS_HASH, journalHash, stateHashOf } from '../storage/run-commit-store.ts'
import { createMarket } from './market.ts'
import { createRunStore, DEFAULT_VENUE, readStoredConfig } from './run-store.ts'

interface RunMeta {
  readonly feed?: RunFeedSpec
  readonly currency?: string
  readonly venue?: Partial<VenueSpec>
  readonly commandsBefore?: number
}

/** @throws STATE_DAMAGED where the run does not say what it was fed with. */
export async function recordedRun(database: Database, head: RunHead): Promise<RecordedRun> {
  const { runId, botId, userId } = head
  const meta = head.meta as RunMeta
  if (!meta.feed || !meta.currency) {
    throw new StorageError('STATE_DAMAGED', `Run ${runId} does not say what it was fed with`)
  }
  const versions = await botVersions(database, userId, botId)
  const late = await journalRowsOf(database, userId, runId, ['caught_up'])
  return {
    assignment: { botId, userId, runId, token: 0 },
    saved: {
      initialBalance: head.initialBalance,
      currency: meta.currency,
      feed: meta.feed,
      venue: { ...DEFAULT_VENUE, ...meta.venue },
      startedAtMs: Date.parse(head.startedAt),
      config: version => (versions.has(version) ? readStoredConfig(versions.get(version), botId, version) : null),
      nextBotTradeSeq: 1,
      commandsBefore: meta.commandsBefore ?? 0,
    },
    engineVersion: head.engineVersion,
    startVersion: head.botVersion,
    versions: [...versions.keys()],
    lastSeq: await journalLength(database, userId, runId),
    late: late.map(entry => entry.payload as LateRange),
    entries: () => journalRows(database, userId, runId),
  }
}

export function replayDeps(database: Database): ReplayDeps {
  const market = createMarket(database, systemClock)
  const store = createRunStore({ database, host: 'replay', pid: process.pid, version: '', leaseSec: 15 })
  return {
    instruments: (exchange, symbols) => store.instruments(exchange, symbols),
    history: market.history,
    market: market.demo.market,
    engineVersion: ENGINE_VERSION,
    hashes: {
      genesis: GENESIS_HASH,
      entry: (previous, { seq, atMs, kind, payload }) => journalHash(previous, canonicalEntry(seq, atMs, kind, payload ?? null)),
      state: state => stateHashOf(canonicalJson(state)),
    },
  }
}
