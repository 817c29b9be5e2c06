// The one place that knows every class: database, market, worker and server put together, started in order and stopped in reverse.

import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { createServer } from '../api/server.ts'
import { storedCommands } from '../api/stored-commands.ts'
import { DEMO_INSTRUMENTS } from '../core/market/demo-market.ts'
import { ENGINE_VERSION } from '../engine/version.ts'
import { systemClock } from '../market-data/clock.ts'
import { createFeedOpener } from '../runs/open-feed.ts'
import { ParityReporter } from '../runs/parity-reporter.ts'
import { Worker } from '../runs/worker.ts'
import { type Database, openDatabase, resolveDatabaseUrl } from '../storage/database.ts'
import { upsertInstruments } from '../storage/instrument-store.ts'
import { makeDirectory } from '../storage/make-directory.ts'
import type { AppConfig } from './config.ts'
import { createDiskWatch } from './disk.ts'
import { createMarket } from './market.ts'
import { noticingClosedDeals, parityDeals } from './parity.ts'
import { createRunStore } from './run-store.ts'

export interface RunningApp {
  /** Where it answers, such as http://127.0.0.1:4510; null for a worker alone. */
  readonly url: string | null
  /** To be entered at the first sign-up when the server is reachable from elsewhere. */
  readonly signUpCode: string | null
  stop(): Promise<void>
}

export interface StartOptions {
  readonly config: AppConfig
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  /** Absolute path of the built web UI, null without one. */
  readonly webRoot: string | null
  progress(message: string): void
}

/** A worker that comes back is the same worker: it takes up its own leases at once. The process lock of the home guards the name. */
function workerIdOf(home: string): string {
  const directory = join(home, 'run')
  const file = join(directory, 'worker-id')
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  makeDirectory(directory)
  const id = `worker_${randomUUID()}`
  writeFileSync(file, `${id}\n`, { mode: 0o600 })
  return id
}

export async function startApp(options: StartOptions): Promise<RunningApp> {
  const { config } = options
  const log = pino({ level: config.logLevel, base: null, redact: LOG_REDACTION }, pino.destination(2))
  options.progress('opening the database')
  const databaseUrl = await resolveDatabaseUrl(() => ({ ...options.env }))
  const database = await openDatabase({
    home: config.home,
    databaseUrl,
    directUrl: options.env['DATABASE_DIRECT_URL'],
    role: 'server',
    log,
    poolSize: config.poolSize,
    appVersion: options.version,
  })
  const stops: (() => Promise<void>)[] = [() => database.close()]
  const stop = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each()
  }
  try {
    await database.withApp(tx => upsertInstruments(tx, DEMO_INSTRUMENTS))
    const disk = createDiskWatch({
      database,
      home: config.home,
      reserveMb: config.diskReserveMb,
      owner: workerIdOf(config.home),
      log,
    })
    // Before the bots: what they may do depends on it.
    await disk.start()
    stops.push(() => disk.stop())
    const market = createMarket(database, systemClock)
    if (config.role !== 'api') stops.push(await startWorker(options, database, market, log))
    if (config.role === 'worker') return { url: null, signUpCode: null, stop }

    const server = await createServer({
      database,
      commands: storedCommands({ database, engineVersion: ENGINE_VERSION }),
      candles: market.reader,
      config: {
        host: config.host,
        port: config.port,
        trustedProxies: [...config.trustedProxies],
        corsOrigins: [...config.corsOrigins],
        authMode: config.authMode,
        readsPerMinute: config.readsPerMinute,
        writesPerMinute: config.writesPerMinute,
        liveTradingEnabled: config.liveTradingEnabled,
      },
      webRoot: options.webRoot,
      clock: { now: () => Date.now() },
      random: randomBytes,
      log,
      version: options.version,
      disk: () => disk.status(),
    })
    stops.push(() => server.close())
    const url = await server.listen({ host: config.host, port: config.port })
    return { url, signUpCode: server.signUpCode, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const LOG_REDACTION = {
  paths: [
    'password',
    '*.password',
    'token',
    '*.token',
    'authorization',
    '*.authorization',
    'cookie',
    '*.cookie',
    'secret',
    '*.secret',
    'apiKey',
    '*.apiKey',
  ],
  censor: '[redacted]',
}

async function startWorker(
  options: StartOptions,
  database: Database,
  market: ReturnType<typeof createMarket>,
  log: pino.Logger,
): Promise<() => Promise<void>> {
  const { config } = options
  const store = createRunStore({
    database,
    host: hostname(),
    pid: process.pid,
    version: options.version,
    leaseSec: config.leaseSec,
  })
  const now = (): number => Date.now()
  const sleep = systemClock.sleep
  const parity = new ParityReporter({
    deals: parityDeals({ database, now }),
    log,
    monotonic: () => performance.now(),
    sleep,
  })
  const worker = new Worker({
    store: noticingClosedDeals(store, runId => parity.notice(runId)),
    feeds: createFeedOpener({ store, history: market.history, demo: market.demo, now, sleep }),
    workerId: workerIdOf(config.home),
    log,
    now,
    monotonic: () => performance.now(),
    sleep,
  })
  options.progress('resuming bots')
  await worker.start()
  parity.start()
  const unlisten = await database.listen('ek_command', payload => worker.notify(botIdOf(payload)))
  return async () => {
    await unlisten()
    await worker.stop()
    await parity.stop()
  }
}

function botIdOf(payload: string): string | null {
  try {
    const parsed: unknown = JSON.parse(payload)
    return typeof parsed === 'object' && parsed !== null && 'botId' in parsed && typeof parsed.botId === 'string'
      ? parsed.botId
      : null
  } catch {
    // A notification is only a wake-up: whatever it says, looking again is right.
    return null
  }
}
