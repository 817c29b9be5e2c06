// Turns at the thread for runs that compute without waiting. However many there are, whoever waits for the network or a timer gets the
// thread between any two of them.

/** How long a run may compute before it asks for its next turn. */
export const TURN_MS = 10

export class Turns {
  #waiting: (() => void)[] = []
  #isScheduled = false

  /** Resolves when all who asked before have had their turn, and the event loop has gone round. */
  next(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }
}
