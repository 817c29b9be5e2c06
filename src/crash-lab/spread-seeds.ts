// Many stories over the cores of this machine. Each is told whole in one thread; which thread that is changes nothing about it.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { StoryRequest } from './story.ts'
import { add, emptyTally, type Tally } from './tally.ts'

export interface SeedJob {
  readonly request: StoryRequest
  /** The worker dies at this point, and at no other; null: as the story has it. */
  readonly killPoint: number | null
}

export interface SpreadOptions {
  readonly threads?: number
  readonly signal: AbortSignal
  /** No new story begins after this; on a clock that is never set, ms. */
  readonly deadlineMs?: number
  readonly monotonicMs: () => number
  /** The first broken story ends all. */
  readonly stopsAtBreak: boolean
  onProgress(done: number): void
}

export interface Spread {
  readonly tally: Tally
  /** Jobs that were told. */
  readonly done: number
}

/** Threads where there is more than one core; else everything is told here. */
export async function spreadSeeds(jobs: AsyncIterable<SeedJob> | Iterable<SeedJob>, options: SpreadOptions): Promise<Spread> {
  const tally = emptyTally()
  const queue = Symbol.asyncIterator in jobs ? jobs[Symbol.asyncIterator]() : jobs[Symbol.iterator]()
  let done = 0
  const next = async (): Promise<SeedJob | null> => {
    const isOver =
      options.signal.aborted ||
      (options.deadlineMs !== undefined && options.monotonicMs() >= options.deadlineMs) ||
      (options.stopsAtBreak && tally.broken.length > 0)
    if (isOver) return null
    const { value, done: isEmpty } = await queue.next()
    return isEmpty ? null : value
  }
  const threads = Math.max(1, options.threads ?? availableParallelism())
  await Promise.all(Array.from({ length: threads }, () => runThread(next, take)))
  return { tally, done }

  function take(part: Tally): void {
    add(tally, part)
    done += 1
    options.onProgress(done)
  }
}

/** One thread, handed a job whenever it has done one. */
async function runThread(next: () => Promise<SeedJob | null>, take: (tally: Tally) => void): Promise<void> {
  const first = await next()
  if (!first) return
  const thread = new Worker(new URL('./seed-thread.ts', import.meta.url))
  try {
    for (let job: SeedJob | null = first; job; job = await next()) take(await tellIn(thread, job))
  } finally {
    await thread.terminate()
  }
}

function tellIn(thread: Worker, job: SeedJob): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      thread.off('message', told)
      thread.off('error', failed)
    }
    const told = (tally: Tally): void => {
      settle()
      resolve(tally)
    }
    const failed = (error: unknown): void => {
      settle()
      reject(error)
    }
    thread.on('message', told)
    thread.on('error', failed)
    thread.postMessage(job)
  })
}
