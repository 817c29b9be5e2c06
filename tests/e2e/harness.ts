// The real server in a home of its own, and a real browser before it.

import { type ChildProcess, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { makeTestHome, removeTestHome } from '../../src/storage/testing-server.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** With the build of the web UI and the making of the database, on a machine that has other things to do too. */
const READY_LIMIT_MS = 120_000
const STOP_LIMIT_MS = 15_000

export const OWNER = { email: 'owner@example.org', password: 'a keel that is even 7' }

export interface Platform {
  readonly url: string
  stop(): Promise<void>
}

/** `evenkeel start`, as a user starts it, on any free port. */
export async function startPlatform(): Promise<Platform> {
  const home = await makeTestHome()
  const child = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'start', '--json'], {
    cwd: ROOT,
    env: { ...process.env, EVENKEEL_HOME: home, PORT: '0', HOST: '127.0.0.1', DATABASE_URL: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = async () => {
    await end(child)
    await removeTestHome(home)
  }
  try {
    return { url: await urlOf(child), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let said = ''
    let complaints = ''
    const timer = setTimeout(
      () => fail(new Error(`not ready after ${READY_LIMIT_MS} ms:\n${complaints.slice(-2000)}`)),
      READY_LIMIT_MS,
    )
    child.stderr?.on('data', (chunk: Buffer) => (complaints += chunk))
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk
      const url = /"url":\s*"([^"]+)"/.exec(said)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      done(url)
    })
    child.once('close', code => {
      clearTimeout(timer)
      fail(new Error(`evenkeel start ended with ${code}:\n${complaints.slice(-2000)}`))
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = new Promise<void>(done => child.once('close', () => done()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await closed
  clearTimeout(timer)
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['EVENKEEL_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

export interface Visit {
  readonly page: Page
  /** What the browser's console and the pages complained of. */
  readonly complaints: string[]
  close(): Promise<void>
}

/** A browser profile of its own: nothing is signed in. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1280, height: 860 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  return { page, complaints, close: () => context.close() }
}

export async function signUp(page: Page): Promise<void> {
  await page.goto('/')
  await page.getByRole('heading', { name: 'Make this your Evenkeel' }).waitFor()
  await fillDoor(page)
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByRole('button', { name: 'Account' }).waitFor()
}

export async function signIn(page: Page, to = '/bots', who = OWNER): Promise<void> {
  await page.goto(to)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await fillDoor(page, who)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Account' }).waitFor()
}

async function fillDoor(page: Page, who = OWNER): Promise<void> {
  await page.getByLabel('E-mail').fill(who.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(who.password)
}
