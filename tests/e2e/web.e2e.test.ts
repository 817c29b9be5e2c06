// The web UI in a real browser before the real server: the first minute, the builder, a phone, the keyboard alone, and what axe says.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, OWNER, type Platform, signIn, signUp, startPlatform, visit } from './harness.ts'

const FIRST_DEAL_LIMIT_MS = 60_000

let platform: Platform
let browser: Browser

before(async () => {
  const [started, launched] = await Promise.all([startPlatform(), launchBrowser()])
  platform = started
  browser = launched
})
after(async () => {
  await browser?.close()
  await platform?.stop()
})

/** Waits until a bot's head says this state. */
async function untilStatus(page: Page, status: string): Promise<void> {
  await page.locator(`.botHead [data-status="${status}"]`).waitFor({ timeout: 30_000 })
}

test('a first visitor has an account, a running demo bot and its first deal within a minute', async () => {
  const { page, complaints, close } = await visit(browser, platform.url)
  const begun = performance.now()
  await signUp(page)
  await page.getByRole('button', { name: 'Start a demo bot' }).click()
  await untilStatus(page, 'running')
  const deals = page.getByRole('region', { name: 'Deals' })
  await deals.getByRole('row').nth(1).waitFor({ timeout: FIRST_DEAL_LIMIT_MS })
  const took = performance.now() - begun
  assert.ok(took < FIRST_DEAL_LIMIT_MS, `the first deal came after ${Math.round(took)} ms`)
  assert.match(await deals.getByRole('row').nth(1).innerText(), /BTC\/USDT/)
  await page.getByTestId('figures').getByText('1 of 1').waitFor()
  await page.getByRole('img', { name: /Candles of BTC\/USDT at 1m, [1-9]\d* fills/ }).waitFor()

  for (const [tab, expected] of [
    ['Orders', 'region'],
    ['Events', 'region'],
    ['Balance', 'region'],
  ] as const) {
    await page.getByRole('tab', { name: tab }).click()
    await page.getByRole('tabpanel').getByRole(expected).first().waitFor()
  }
  await page.getByRole('tab', { name: 'Decisions' }).click()
  await page.locator('.decisions li').first().waitFor()
  await page.getByRole('tab', { name: 'Config' }).click()
  await page.getByText('Buys BTC/USDT for 200 USDT at market').waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('a bot with conditions is built, told in words, saved, started, paused, resumed, edited and stopped', async () => {
  const { page, complaints, close } = await visit(browser, platform.url)
  await signIn(page, '/bots/new')
  await page.getByLabel('Name', { exact: true }).fill('Dip buyer')

  // Wrong at one place: said there, in the list, and nothing can be saved.
  await page.getByLabel('First step').fill('95')
  await page.getByText('must be at most 90').first().waitFor()
  await page.getByText('One thing keeps it from being saved').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled(), true)
  await page.getByLabel('First step').fill('2')
  await page.getByText('One thing keeps it from being saved').waitFor({ state: 'detached' })

  await page.getByText('On conditions', { exact: true }).click()
  await page.getByRole('button', { name: 'Add a condition' }).first().click()
  await page.getByRole('menuitem', { name: 'RSI is oversold' }).click()
  await page.getByRole('button', { name: 'RSI(14) on 15m is below oversold (30)' }).waitFor()
  await page.getByLabel('Period').fill('7')
  await page.getByRole('button', { name: 'RSI(7) on 15m is below oversold (30)' }).waitFor()
  await page.getByText('when RSI(7) on 15m is below oversold (30).').waitFor()

  const ladder = page.getByRole('region', { name: 'Orders of a deal' })
  await page.getByLabel('If the base order fills at').fill('60000')
  await page.waitForFunction(() => document.querySelectorAll('table.ladder tbody tr').length === 6)
  assert.match(await ladder.getByRole('row').nth(2).innerText(), /2\.00 %\s+58,800\.00/)
  const hidden = await ladder.evaluate(element => element.scrollWidth - element.clientWidth)
  assert.ok(hidden <= 0, `${hidden} px of the ladder are out of sight at 1280 px`)
  const needs = page.locator('.figure', { hasText: 'Needs per deal' })
  const before = await needs.innerText()
  await page.getByLabel('Size', { exact: true }).fill('50')
  await page.waitForFunction(text => !document.body.innerText.includes(text), before.split('\n')[1] ?? '')
  assert.match(await needs.innerText(), /USDT/)

  await page.locator('label', { hasText: 'Live' }).getByText('live trading is switched off on this server').waitFor()
  assert.equal(await page.getByRole('radio', { name: /Live/ }).isDisabled(), true)

  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await untilStatus(page, 'inactive')
  await page.getByRole('button', { name: 'Start Dip buyer' }).click()
  const dialog = page.getByRole('dialog')
  assert.equal(await dialog.getByLabel('Play money, USDT').inputValue(), '10000')
  await dialog.getByRole('button', { name: 'Start the test' }).click()
  await untilStatus(page, 'running')
  await page.getByRole('button', { name: 'Pause Dip buyer' }).click()
  await untilStatus(page, 'paused')
  await page.getByText('Paused by you').waitFor()
  await page.getByRole('button', { name: 'Resume Dip buyer' }).click()
  await untilStatus(page, 'running')

  await page.getByRole('button', { name: 'More for Dip buyer' }).click()
  assert.equal(await page.getByRole('menuitem', { name: /Delete/ }).isDisabled(), true)
  assert.match(await page.getByRole('menuitem', { name: /Delete/ }).innerText(), /Stop it first/)
  await page.getByRole('menuitem', { name: 'Edit' }).click()
  await page.getByLabel('Size', { exact: true }).fill('60')
  await page.getByRole('button', { name: 'Save new version' }).click()
  await page.getByText('version 2').waitFor()

  await page.getByRole('button', { name: 'Stop Dip buyer' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop the bot' }).click()
  await untilStatus(page, 'stopped')
  await page.getByRole('button', { name: 'Start Dip buyer' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('one deal is closed by hand, then panic pauses the bot and sells what is left', async () => {
  const { page, complaints, close } = await visit(browser, platform.url)
  await signIn(page)
  await page.getByRole('link', { name: 'My first demo bot' }).first().click()
  await untilStatus(page, 'running')
  const deals = page.getByRole('region', { name: 'Deals' })
  const closing = deals.getByRole('button', { name: /^Close deal \d+$/ }).first()
  // The market goes on while we click: a deal may reach its own target first, then the next one is closed by hand.
  for (let isManual = false; !isManual; ) {
    await closing.waitFor({ timeout: FIRST_DEAL_LIMIT_MS })
    const number = /\d+/.exec((await closing.getAttribute('aria-label')) ?? '')?.[0]
    await closing.click()
    const dialog = page.getByRole('dialog', { name: `Close deal #${number} now` })
    assert.match(await dialog.innerText(), /It holds [\d.]+ BTC; the last price is [\d,.]+ USDT/)
    await dialog.getByRole('button', { name: 'Sell BTC now' }).click()
    const ended = deals.getByRole('row', { name: new RegExp(`^Open deal ${number} .*(Manual|Take profit|Trailing|Stop)`) })
    await ended.waitFor()
    isManual = (await ended.innerText()).includes('Manual')
  }

  await closing.waitFor({ timeout: FIRST_DEAL_LIMIT_MS })
  await page.getByRole('button', { name: 'More for My first demo bot' }).click()
  await page.getByRole('menuitem', { name: /Panic/ }).click()
  await page.getByRole('dialog').getByText('The bot is paused: it buys nothing more until you resume it.').waitFor()
  await page.getByRole('button', { name: 'Pause and sell everything' }).click()
  await untilStatus(page, 'paused')
  await closing.waitFor({ state: 'detached' })
  await page.getByRole('tab', { name: 'Balance' }).click()
  await page
    .getByRole('region', { name: 'Ledger accounts' })
    .getByRole('row', { name: /Free USDT [\d,.]+/ })
    .waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('the owner makes an account for another person, who sees nothing of the owner and changes the password', async () => {
  const person = { email: 'mate@example.org', password: 'the tide comes in at 9' }
  const owner = await visit(browser, platform.url)
  await signIn(owner.page, '/settings')
  await owner.page.getByLabel('E-mail of the person').fill(person.email)
  await owner.page.getByLabel('First password').fill(person.password)
  await owner.page.getByRole('button', { name: 'Add the person' }).click()
  await owner.page.getByText(`${person.email} may sign in now`).waitFor()
  await owner.close()

  const { page, close } = await visit(browser, platform.url)
  await signIn(page, '/bots', person)
  assert.equal(await page.getByRole('link', { name: 'My first demo bot' }).count(), 0)
  await page.goto('/settings')
  const change = async (present: string) => {
    await page.getByLabel('Present password').fill(present)
    await page.getByLabel('New password', { exact: true }).fill('the tide goes out at 3')
    await page.getByLabel('New password again').fill('the tide goes out at 3')
    await page.getByRole('button', { name: 'Change the password' }).click()
  }
  await change('not the password at all')
  await page.getByText('the present password is wrong').waitFor()
  await change(person.password)
  await page.getByText('The password is changed').waitFor()
  assert.equal(await page.getByRole('heading', { name: 'Other people' }).count(), 0)
  await close()

  const again = await visit(browser, platform.url)
  await signIn(again.page, '/bots', { ...person, password: 'the tide goes out at 3' })
  await again.close()
})

test('somebody else saved first: nothing is overwritten, and it is said', async () => {
  const { page, close } = await visit(browser, platform.url)
  await signIn(page)
  await page.getByRole('link', { name: 'Dip buyer' }).click()
  await page.getByRole('button', { name: 'More for Dip buyer' }).click()
  await page.getByRole('menuitem', { name: 'Edit' }).click()
  await page.getByLabel('Size', { exact: true }).fill('70')
  const second = await page.context().newPage()
  await second.goto(page.url())
  await second.getByLabel('Size', { exact: true }).fill('80')
  await second.getByRole('button', { name: 'Save new version' }).click()
  await second.getByText('version 3').waitFor()
  await page.getByText('Version 3 was saved meanwhile').waitFor()
  assert.equal(await page.getByLabel('Size', { exact: true }).inputValue(), '70')
  await page.getByRole('button', { name: 'Save new version' }).click()
  await page.getByRole('dialog', { name: 'Somebody saved a newer version' }).waitFor()
  await page.getByRole('button', { name: 'Load the newer version' }).click()
  await page.getByText('Version 3.').waitFor()
  assert.equal(await page.getByLabel('Size', { exact: true }).inputValue(), '80')
  await close()
})

test('a phone of 375 px shows every page without scrolling sideways', async () => {
  const { page, complaints, close } = await visit(browser, platform.url, {
    viewport: { width: 375, height: 740 },
    hasTouch: true,
    isMobile: true,
  })
  await signIn(page, '/')
  const noSideways = async (what: string) => {
    await page.waitForLoadState('networkidle').catch(() => undefined)
    const width = await page.evaluate(() => Math.max(document.documentElement.scrollWidth, window.innerWidth))
    assert.equal(width, 375, `${what} is ${width} px wide`)
  }
  for (const [path, heading] of [
    ['/', 'Start another demo bot'],
    ['/bots', 'Bots'],
    ['/bots/new', 'New DCA bot'],
    ['/deals', 'Deals'],
    ['/settings', 'Settings'],
  ] as const) {
    await page.goto(path)
    await page.getByRole('heading', { name: heading, exact: true }).waitFor()
    await noSideways(path)
  }
  await page.goto('/bots')
  await page.getByRole('link', { name: 'My first demo bot' }).first().click()
  await page.getByTestId('figures').waitFor()
  for (const tab of ['Orders', 'Decisions', 'Config']) {
    await page.getByRole('tab', { name: tab }).click()
    await noSideways(`the tab ${tab}`)
  }
  assert.deepEqual(complaints, [])
  await close()
})

test('the keyboard alone signs in, finds a bot and starts one', async () => {
  const { page, close } = await visit(browser, platform.url)
  await page.goto('/bots')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.getByLabel('E-mail').waitFor()
  // The first field has the focus already.
  await page.keyboard.type(OWNER.email)
  await page.keyboard.press('Tab')
  await page.keyboard.type(OWNER.password)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Account' }).waitFor()

  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' })

  await page.getByRole('link', { name: 'Dip buyer' }).waitFor()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Find a page, a bot or an action' }).waitFor()
  await page.getByRole('option', { name: 'Edit Dip buyer' }).waitFor()
  await page.keyboard.type('dip buyer')
  await page.keyboard.press('Enter')
  await untilStatus(page, 'stopped')

  const start = page.getByRole('button', { name: 'Start Dip buyer' })
  await reach(page, 'Start Dip buyer')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByLabel('Play money, USDT').waitFor()
  await page.keyboard.press('Enter')
  await untilStatus(page, 'running')
  assert.equal(await start.count(), 0)
  await close()
})

/** Tab by Tab to the control of that name; a page that cannot be reached by keyboard ends here. */
async function reach(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const at = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '')
    if (at === name) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`40 times Tab did not reach ${name}`)
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeFinding {
  readonly id: string
  readonly impact: string
  readonly where: readonly string[]
}

/** Serious and critical findings of WCAG 2.2 AA. */
async function axe(page: Page): Promise<readonly AxeFinding[]> {
  await page.evaluate(AXE)
  return page.evaluate(async () => {
    const runner = (
      globalThis as unknown as { axe: { run(on: Document, options: unknown): Promise<{ violations: readonly Violation[] }> } }
    ).axe
    interface Violation {
      readonly id: string
      readonly impact: string
      readonly nodes: readonly { readonly html: string }[]
    }
    const { violations } = await runner.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
    return violations
      .filter(one => one.impact === 'serious' || one.impact === 'critical')
      .map(one => ({ id: one.id, impact: one.impact, where: one.nodes.slice(0, 4).map(node => node.html.slice(0, 160)) }))
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing serious in the ${colorScheme} theme`, async () => {
    const { page, close } = await visit(browser, platform.url, { colorScheme, reducedMotion: 'reduce' })
    await page.goto('/bots')
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    assert.deepEqual(await axe(page), [], 'the door')
    await signIn(page)
    for (const [path, heading] of [
      ['/', 'Start another demo bot'],
      ['/bots', 'Bots'],
      ['/bots/new', 'New DCA bot'],
      ['/deals', 'Deals'],
      ['/settings', 'Settings'],
    ] as const) {
      await page.goto(path)
      await page.getByRole('heading', { name: heading, exact: true }).waitFor()
      await page.waitForTimeout(600)
      assert.deepEqual(await axe(page), [], path)
    }
    await page.goto('/bots')
    await page.getByRole('link', { name: 'My first demo bot' }).first().click()
    await page.getByTestId('figures').waitFor()
    for (const tab of ['Deals', 'Orders', 'Decisions', 'Events', 'Balance', 'Config']) {
      await page.getByRole('tab', { name: tab }).click()
      await page.waitForTimeout(400)
      assert.deepEqual(await axe(page), [], `the bot, ${tab}`)
    }
    await close()
  })
}

test('when the server is away the figures say how old they are, and pages offer to try again', async () => {
  const { page, close } = await visit(browser, platform.url)
  await signIn(page)
  await page.getByRole('link', { name: 'My first demo bot' }).first().click()
  await page.getByTestId('figures').waitFor()
  await page.waitForTimeout(3000)
  await page.route('**/api/**', route => route.abort('connectionrefused'))
  await page
    .getByText(/These figures are \d+ s old.*The server does not answer/)
    .first()
    .waitFor({ timeout: 30_000 })
  await page.getByRole('link', { name: 'Settings' }).click()
  const sessions = page.locator('.panel', { hasText: 'Sessions' })
  await sessions.getByText('The server does not answer').waitFor({ timeout: 30_000 })
  await page.unroute('**/api/**')
  await sessions.getByRole('button', { name: 'Try again' }).click()
  await sessions.getByText('this one').waitFor()
  assert.equal(await sessions.getByRole('alert').count(), 0)
  await close()
})

test('a session that has ended leads to the door and back to the page', async () => {
  const { page, close } = await visit(browser, platform.url)
  await signIn(page, '/deals')
  await page.context().clearCookies()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 30_000 })
  await page.getByText('Your session has ended').waitFor()
  await page.getByLabel('E-mail').fill(OWNER.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(OWNER.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Deals', exact: true }).waitFor()
  assert.match(page.url(), /\/deals$/)
  await close()
})
