// Pictures for the README: the real server in a home of its own, the real UI, a demo bot that has traded for a while.
//   node scripts/screenshots.ts            writes docs/images/*.png; needs Chromium (EVENKEEL_CHROMIUM, /usr/bin/chromium)

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { makeTestHome, removeTestHome } from '../src/storage/testing-server.ts'

const ROOT = resolve(import.meta.dirname, '..')
const IMAGES = join(ROOT, 'docs', 'images')
const OWNER = { email: 'owner@example.org', password: 'a keel that is even 7' }
const DESKTOP = { width: 1280, height: 800 }
const PHONE = { width: 375, height: 780 }
/** At sixty times the clock's speed: several hours of the demo market. */
const TRADING_MS = Number(process.env['TRADING_MS'] ?? 150_000)
const LARGEST_BYTES = 200_000

async function main(): Promise<void> {
  mkdirSync(IMAGES, { recursive: true })
  const home = await makeTestHome()
  const server = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'start', '--json'], {
    cwd: ROOT,
    env: { ...process.env, EVENKEEL_HOME: home, PORT: '0', HOST: '127.0.0.1', DATABASE_URL: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await takeAll(await urlOf(server))
  } finally {
    const closed = new Promise(done => server.once('close', done))
    server.kill('SIGTERM')
    await closed
    await removeTestHome(home)
  }
}

function urlOf(server: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let said = ''
    server.stdout?.on('data', (chunk: Buffer) => {
      said += chunk
      const url = /"url":\s*"([^"]+)"/.exec(said)?.[1]
      if (url !== undefined) done(url)
    })
    server.once('close', code => fail(new Error(`evenkeel start ended with ${code}`)))
  })
}

async function takeAll(url: string): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env['EVENKEEL_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const open = async (options: BrowserContextOptions): Promise<Page> => {
    const context = await browser.newContext({ baseURL: url, viewport: DESKTOP, reducedMotion: 'reduce', ...options })
    return context.newPage()
  }
  try {
    const light = await open({ colorScheme: 'light' })
    await light.goto('/')
    await enter(light, 'Create the account')
    await light.getByRole('button', { name: 'Start a demo bot' }).waitFor()
    await take(light, 'start')
    await light.getByRole('button', { name: 'Start a demo bot' }).click()
    await light.getByRole('region', { name: 'Deals' }).getByRole('row').nth(1).waitFor()
    const bot = light.url()
    await sleep(TRADING_MS)

    await light.goto('/bots/new')
    await light.getByLabel('Name', { exact: true }).fill('Dip buyer')
    await light.getByText('On conditions', { exact: true }).click()
    await light.getByRole('button', { name: 'Add a condition' }).first().click()
    await light.getByRole('menuitem', { name: 'RSI is oversold' }).click()
    await light.getByRole('switch', { name: 'Stop loss' }).click()
    await light.locator('#section-entry').evaluate(element => element.scrollIntoView({ block: 'start' }))
    await sleep(500)
    await take(light, 'builder')

    const dark = await open({ colorScheme: 'dark' })
    await dark.goto('/bots')
    await enter(dark, 'Sign in')
    await dark.goto(bot)
    await dark.getByRole('img', { name: /Candles of/ }).waitFor()
    await sleep(2500)
    await take(dark, 'bot')

    const phone = await open({ colorScheme: 'dark', viewport: PHONE, isMobile: true, hasTouch: true })
    await phone.goto('/bots')
    await enter(phone, 'Sign in')
    await phone.getByRole('link', { name: 'My first demo bot' }).waitFor()
    await sleep(2500)
    await take(phone, 'phone')
  } finally {
    await browser.close()
  }
}

async function enter(page: Page, button: string): Promise<void> {
  await page.getByLabel('E-mail').fill(OWNER.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(OWNER.password)
  await page.getByRole('button', { name: button }).click()
  await page.getByRole('button', { name: 'Account' }).waitFor()
}

async function take(page: Page, name: string): Promise<void> {
  const path = join(IMAGES, `${name}.png`)
  await page.mouse.move(0, 400)
  await page.screenshot({ path, animations: 'disabled' })
  const { size } = statSync(path)
  if (size > LARGEST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${LARGEST_BYTES}`)
  process.stdout.write(`${path} ${size} bytes\n`)
}

await main()
