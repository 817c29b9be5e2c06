// The kill switch in a real browser before the real server: set with a reason, seen on every page and on a phone, obeyed by a running bot,
// and ended with a reason and the password only.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, OWNER, type Platform, signIn, signUp, startPlatform, visit } from './harness.ts'

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

const banner = (page: Page) => page.getByRole('region', { name: 'Safety', exact: true })

test('set in the bar on top, it halts a running bot and says so everywhere; the password ends it', async () => {
  const { page, complaints, close } = await visit(browser, platform.url)
  await signUp(page)
  await page.getByRole('button', { name: 'Start a demo bot' }).click()
  await page.locator('.botHead [data-status="running"]').waitFor({ timeout: 30_000 })
  assert.equal(await banner(page).count(), 0)

  await page.getByRole('button', { name: 'Kill switch' }).click()
  const dialog = page.getByRole('dialog', { name: 'Kill switch' })
  await dialog.getByText('Stops and targets stay in place').waitFor()
  const halt = dialog.getByRole('button', { name: 'Halt', exact: true })
  assert.equal(await halt.isDisabled(), true, 'not without a reason')
  await dialog.getByLabel('Reason').fill('smoke in the room')
  // Selling is a question of its own, answered in words.
  await dialog.getByText('Also sell every open deal now').click()
  assert.equal(await dialog.getByRole('button', { name: 'Halt and sell everything' }).isDisabled(), true)
  await dialog.getByText('Also sell every open deal now').click()
  await halt.click()
  await dialog.waitFor({ state: 'detached' })

  await banner(page).getByText('Halted: all your bots').waitFor()
  assert.match(
    await banner(page).innerText(),
    /Smoke in the room\.[\s\S]*Set by owner@example\.org[\s\S]*Stops and targets stay in place/,
  )
  await page.getByText('Paused by the kill switch').waitFor({ timeout: 30_000 })
  for (const path of ['/', '/bots', '/deals', '/settings']) {
    await page.goto(path)
    await banner(page).getByText('Halted: all your bots').waitFor()
  }
  const history = page.getByRole('region', { name: 'History of the safety record' })
  assert.match(
    await history.getByRole('row').nth(1).innerText(),
    /Halted\s+All your bots\s+owner@example\.org\s+smoke in the room/,
  )

  await banner(page).getByRole('button', { name: 'Allow trading again' }).click()
  const reset = page.getByRole('dialog', { name: 'Allow trading again' })
  await reset.getByLabel('Why it is safe again').fill('it was toast')
  await reset.getByRole('textbox', { name: 'Your password' }).fill('not my password 1')
  await reset.getByRole('button', { name: 'Allow trading again' }).click()
  await reset.getByText('The password is wrong').waitFor()
  await reset.getByRole('textbox', { name: 'Your password' }).fill(OWNER.password)
  await reset.getByRole('button', { name: 'Allow trading again' }).click()
  await reset.waitFor({ state: 'detached' })
  await banner(page).waitFor({ state: 'detached' })
  await history.getByText('it was toast').waitFor()
  // The wrong password was refused with 403, which the browser notes.
  assert.deepEqual(
    complaints.filter(each => !each.includes('403')),
    [],
  )
  await close()
})

test('limits are kept, nonsense is refused at its field', async () => {
  const { page, close } = await visit(browser, platform.url)
  await signIn(page, '/settings')
  await page.getByLabel('Daily loss, %').fill('-3')
  await page.getByRole('button', { name: 'Store the limits' }).click()
  await page.getByText('a percentage as text').waitFor()
  await page.getByLabel('Daily loss, %').fill('4.5')
  await page.getByRole('button', { name: 'Store the limits' }).click()
  await page.getByText('The limits are stored').waitFor()
  await page.reload()
  await page.getByLabel('Daily loss, %').waitFor()
  assert.equal(await page.getByLabel('Daily loss, %').inputValue(), '4.5')
  await close()
})

test('on a phone the switch is in reach, and the banner fits', async () => {
  const { page, close } = await visit(browser, platform.url, {
    viewport: { width: 375, height: 740 },
    isMobile: true,
    hasTouch: true,
  })
  await signIn(page, '/settings')
  await page.getByRole('button', { name: 'Kill switch' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'Kill switch' })
  await dialog
    .getByLabel('Reason')
    .fill('from the train, with a reason that is long enough to need more than one line on a phone')
  await dialog.getByText('Everybody on this instance').click()
  await dialog.getByRole('button', { name: 'Halt', exact: true }).click()
  await banner(page).getByText('Halted: the whole instance').waitFor()
  for (const path of ['/', '/bots', '/deals', '/settings']) {
    await page.goto(path)
    await banner(page).getByText('Halted: the whole instance').waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 375, path)
  }
  await close()
})
