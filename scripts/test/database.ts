// One PostgreSQL server for a whole test run. How one is made is the storage floor's knowledge; this only calls it.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface TestServer {
  readonly url: string
  stop(): Promise<void>
}

/** Undefined while the storage floor offers no test server. */
export async function startDatabase(root: string): Promise<TestServer | undefined> {
  const path = join(root, 'src/storage/testing-server.ts')
  if (!existsSync(path)) return undefined
  const module = (await import(pathToFileURL(path).href)) as { startTestServer(): Promise<TestServer> }
  return module.startTestServer()
}
