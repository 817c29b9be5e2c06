// A look at the database that leaves nothing behind.

import type { Database, Transaction } from './database.ts'

class Undo extends Error {}

/** Runs as evenkeel_system in one transaction that is always rolled back. */
export async function rolledBack<T>(db: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  let result: { value: T } | null = null
  try {
    await db.withSystem(
      async tx => {
        result = { value: await work(tx) }
        throw new Undo()
      },
      { retries: 0 },
    )
  } catch (error) {
    if (!(error instanceof Undo) || result === null) throw error
  }
  return (result as unknown as { value: T }).value
}
