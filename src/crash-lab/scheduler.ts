// Virtual time of the laboratory. Everything that takes time - a call to the venue, a commit, a sleep, the next price - is an action at
// a virtual instant; between two actions every promise that can go on does. Nothing here asks a real clock, so that the same actions
// give the same story to the last bit.

interface Action {
  readonly atMs: number
  /** Order of making: what is due at one instant happens in the order in which it was asked for. */
  readonly ticket: number
  readonly run: () => void | Promise<void>
}

/** A story that takes more steps than this runs in circles. */
const STEP_LIMIT = 400_000

export class Scheduler {
  #nowMs: number
  readonly #heap: Action[] = []
  #tickets = 0
  #steps = 0

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Actions that were run. */
  get steps(): number {
    return this.#steps
  }

  /** An instant that has passed already counts as now. */
  at(atMs: number, run: () => void | Promise<void>): void {
    this.#tickets += 1
    const action: Action = { atMs: Math.max(atMs, this.#nowMs), ticket: this.#tickets, run }
    const heap = this.#heap
    let i = heap.length
    heap.push(action)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(action, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = action
  }

  after(delayMs: number, run: () => void | Promise<void>): void {
    this.at(this.#nowMs + delayMs, run)
  }

  /**
   * Runs every action up to `untilMs`, letting all promises go on after each.
   * @param afterEach called when the world has come to rest after an action; true ends the run.
   */
  async run(untilMs: number, afterEach: () => boolean): Promise<void> {
    await rest()
    for (;;) {
      const action = this.#heap[0]
      if (!action || action.atMs > untilMs) break
      this.#pop()
      this.#nowMs = action.atMs
      this.#steps += 1
      if (this.#steps > STEP_LIMIT) throw new Error(`the story takes more than ${STEP_LIMIT} steps: something runs in circles`)
      const running = action.run()
      if (running) await running
      await rest()
      if (afterEach()) return
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs)
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: Action, b: Action): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.ticket < b.ticket)
}

/** Resolves when no promise can go on by itself: the event loop has drained its microtasks (about 1 microsecond). */
function rest(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
