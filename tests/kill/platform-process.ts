// The real process under test, as a user starts it: `evenkeel start` in a home of its own, spoken to over HTTP, killed without warning.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { clusterPassword } from '../../src/storage/postgres/cluster.ts'
import { placeCluster, prepareHome } from '../../src/storage/postgres/placement.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const READY_TIMEOUT_MS = 30_000

export interface VerbResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly postmasterPid: number
}

export class PlatformProcess {
  readonly home: string
  url = ''
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess | null = null
  #output = ''
  #cookie = ''
  #csrf = ''

  /** @param env beside the home, such as ROLE and DATABASE_URL. */
  constructor(home: string, env: Readonly<Record<string, string>> = {}) {
    this.home = home
    this.#env = env
  }

  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined
  }

  /** What it said on stderr since it was started last. */
  get output(): string {
    return this.#output
  }

  #spawn(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args], {
      cwd: ROOT,
      env: {
        ...process.env,
        EVENKEEL_HOME: this.home,
        PORT: '0',
        HOST: '127.0.0.1',
        RATE_LIMIT_PER_MINUTE: '100000',
        ...this.#env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Another verb of the command line, while the platform runs or not. */
  async verb(...args: string[]): Promise<VerbResult> {
    const child = this.#spawn(args)
    let stdout = ''
    let stderr = ''
    child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk))
    child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk))
    const code = await new Promise<number | null>(done => child.once('close', done))
    return { code, stdout, stderr }
  }

  /** Begins a start and does not wait for it. */
  launch(): Promise<number> {
    const began = performance.now()
    this.#output = ''
    const child = this.#spawn(['start', '--no-web', '--json'])
    this.#child = child
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#output = (this.#output + chunk).slice(-20_000)
    })
    const ready = new Promise<number>((done, fail) => {
      let line = ''
      const timer = setTimeout(
        () => fail(new Error(`not ready after ${READY_TIMEOUT_MS} ms:\n${this.#output}`)),
        READY_TIMEOUT_MS,
      )
      child.stdout!.on('data', (chunk: Buffer) => {
        line += chunk
        if (!line.includes('\n')) return
        clearTimeout(timer)
        const { url } = JSON.parse(line) as { url?: string | null }
        if (url === undefined) {
          this.#output += line
          return
        }
        this.url = url ?? ''
        done(performance.now() - began)
      })
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        fail(new Error(`the platform ended before it was ready (${code ?? signal}):\n${this.#output}`))
      })
    })
    // One that is killed on its way is not waited for.
    ready.catch(() => undefined)
    return ready
  }

  /** @returns ms from the start of the process to its ready line. */
  async start(): Promise<number> {
    return this.launch()
  }

  async kill9(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** The process stands still, as on a machine that sleeps; `resume` lets it go on. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** As Ctrl+C does. */
  async stop(): Promise<void> {
    await this.#end('SIGINT')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise(done => child.once('exit', done))
    child.kill(signal)
    await exited
  }

  /** @returns status and body of an API call as the signed-in owner. */
  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(`${this.url}/api${path}`, {
      method,
      headers: {
        accept: 'application/json',
        origin: this.url,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.#cookie ? { cookie: this.#cookie, 'x-csrf-token': this.#csrf } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const cookies = response.headers.getSetCookie().map(each => each.split(';')[0]!)
    if (cookies.length > 0) this.#cookie = cookies.join('; ')
    const text = await response.text()
    const parsed = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    if (typeof parsed['csrfToken'] === 'string') this.#csrf = parsed['csrfToken']
    return { status: response.status, body: parsed }
  }

  /** @throws with the answer where it is not the expected one. */
  async expect(status: number, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await this.call(method, path, body)
    if (answer.status !== status) {
      // Its log comes through a pipe.
      await sleep(200)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}\n${this.#output}`)
    }
    return answer.body
  }

  #runFile(): PostgresAddress {
    return JSON.parse(readFileSync(join(this.home, 'run/postgres.json'), 'utf8')) as PostgresAddress
  }

  postmasterPid(): number {
    return this.#runFile().postmasterPid
  }

  /** A superuser's connection of the test's own, as soon as the private server answers; it never starts one. */
  async connect(isWanted: () => boolean = () => true): Promise<pg.Client> {
    const password = clusterPassword(placeCluster(prepareHome(this.home)))
    const deadline = performance.now() + READY_TIMEOUT_MS
    for (;;) {
      try {
        const { host, port, user, database } = this.#runFile()
        const client = new pg.Client({ host, port, user, database, password })
        client.on('error', () => undefined)
        await client.connect()
        return client
      } catch (error) {
        if (!isWanted()) throw error
        if (performance.now() > deadline) {
          throw new Error(`Postgres does not answer; platform ${this.pid ?? 'is gone'} says\n${this.#output}`, { cause: error })
        }
        await sleep(10)
      }
    }
  }
}
