// The disk watch on a real file system: free space, the reserve file in EVENKEEL_HOME/run, and the safety record of the instance.

import { open, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../market-data/clock.ts'
import { type DiskReserve, DiskWatch } from '../runs/disk-watch.ts'
import type { RunLog } from '../runs/ports.ts'
import type { Database } from '../storage/database.ts'
import { makeDirectory } from '../storage/make-directory.ts'
import { changeSafety, type SafetyTarget, tighten } from '../storage/safety-store.ts'
import { changingOwn } from './run-safety.ts'

export interface DiskWatchOptions {
  readonly database: Database
  readonly home: string
  readonly reserveMb: number
  /** Several machines may share the database: each ends only what it has set itself. */
  readonly owner: string
  readonly log: RunLog
}

const EVERY_MS = 10_000
const GLOBAL: SafetyTarget = { scope: 'global', scopeId: null }

export function createDiskWatch({ database, home, reserveMb, owner, log }: DiskWatchOptions): DiskWatch {
  return new DiskWatch(
    {
      async space() {
        const { bavail, blocks, bsize } = await statfs(home)
        return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
      },
      reserve: reserveFile(home),
      closeOnly: reason => changingOwn(() => tellRecord(database, owner, reason)),
      log,
      now: () => Date.now(),
      sleep: systemClock.sleep,
    },
    { reserveBytes: reserveMb * 1024 * 1024, everyMs: EVERY_MS },
  )
}

/** Close-only for the whole instance, or its end where this machine's disk had set it and nobody has changed it since. */
export async function tellRecord(database: Database, owner: string, reason: string | null): Promise<void> {
  const actor = `trigger:disk ${owner}`
  await database.withApp(tx =>
    changeSafety(tx, GLOBAL, current => {
      if (reason !== null) return tighten({ state: 'reduce_only', reason, actor })(current)
      const isOurs = current.record?.state === 'reduce_only' && current.record.actor === actor
      return isOurs ? { state: 'normal', reason: 'there is room on the disk again', actor } : null
    }),
  )
}

const BLOCK_BYTES = 4 * 1024 * 1024

export function reserveFile(home: string): DiskReserve {
  const directory = join(home, 'run')
  const path = join(directory, 'disk-reserve')
  return {
    async isHeld() {
      try {
        return (await stat(path)).size > 0
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
        throw error
      }
    },
    async make(bytes) {
      makeDirectory(directory)
      // Under another name until it is whole: half a reserve must not look like one.
      const unfinished = `${path}.new`
      const file = await open(unfinished, 'w', 0o600)
      try {
        // Written, not only announced: a file of holes would keep no room.
        const block = Buffer.alloc(BLOCK_BYTES, 0x45)
        for (let left = bytes; left > 0; left -= BLOCK_BYTES) await file.write(block, 0, Math.min(left, BLOCK_BYTES))
        await file.sync()
        await file.close()
        await rename(unfinished, path)
      } catch (error) {
        await file.close().catch(() => undefined)
        await rm(unfinished, { force: true })
        throw error
      }
    },
    free: () => rm(path, { force: true }),
  }
}
