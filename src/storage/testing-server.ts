// A PostgreSQL for one test run: private, in a directory of its own, gone with the run.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { SILENT_LOG } from './log.ts'
import { openPrivateServer, type PrivateServer } from './postgres/private-server.ts'

export interface TestServer {
  /** Superuser's address; give it to the tests as EVENKEEL_TEST_PG. */
  readonly url: string
  readonly version: number
  stop(): Promise<void>
}

export function serverUrl(server: PrivateServer, database?: string): string {
  const { host, port, user, password, database: own } = server.target()
  return `postgres://${user}:${password}@${encodeURIComponent(host)}:${port}/${database ?? own}`
}

/** A home that the server's own user can reach, even under root. */
export function makeTestHome(prefix = 'evenkeel-test-'): string {
  const home = mkdtempSync(join(tmpdir(), prefix))
  chmodSync(home, 0o755)
  return home
}

/** Removes a home and what of it lies elsewhere. Its server must have been stopped. */
export function removeTestHome(home: string, server?: PrivateServer): void {
  if (server) {
    rmSync(server.placement.socketDirectory, { recursive: true, force: true })
    const cluster = dirname(server.placement.dataDirectory)
    if (cluster.startsWith('/var/lib/evenkeel/')) rmSync(cluster, { recursive: true, force: true })
  }
  rmSync(home, { recursive: true, force: true })
}

/** Starts it with the best binaries of this machine (EVENKEEL_PG_SOURCE=npm|system chooses). */
export async function startTestServer(): Promise<TestServer> {
  const home = makeTestHome()
  const server = await openPrivateServer(home, SILENT_LOG)
  return {
    url: serverUrl(server),
    version: server.version(),
    stop: async () => {
      await server.stop()
      removeTestHome(home, server)
    },
  }
}
