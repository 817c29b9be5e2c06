// The comparison of deals with their simulations in a real browser: figures and sentences can be read on a phone, without scrolling aside.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import type { ParityReport } from '../../src/contract/parity.ts'
import { launchBrowser, type Platform, signUp, startPlatform, visit } from './harness.ts'

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

const NO_PARTS = {
  decisions: '0',
  quantity: '0',
  entryLatency: '0',
  entrySlippage: '0',
  exitLatency: '0',
  exitSlippage: '0',
  fees: '0',
  funding: '0',
  path: '0',
}

function report(tradeSeq: number, changes: Partial<ParityReport>): ParityReport {
  return {
    tradeId: `00000000-0000-4000-8000-${String(tradeSeq).padStart(12, '0')}`,
    tradeSeq,
    symbol: 'BTC/USDT',
    exitTime: '2026-05-05T12:00:00.000Z',
    status: 'compared',
    reason: null,
    matched: true,
    cause: null,
    headline: 'The deal ended exactly as the simulation says.',
    netPnl: '1.25',
    simulatedPnl: '1.25',
    difference: '0',
    parts: NO_PARTS,
    ...changes,
  } as ParityReport
}

const SENTENCE =
  'The result is 12.3456 USDT lower than in the simulation: mostly because of missed or extra orders (11.2 USDT), and for the price at which it sold.'
const ITEMS = [
  report(3, {
    matched: false,
    cause: 'data_gap',
    headline: SENTENCE,
    netPnl: '-12345.678901',
    simulatedPnl: '-12333.333301',
    difference: '-12.3456',
  }),
  report(2, { difference: '-0.00435219', netPnl: '1.24564781' }),
  report(1, {}),
]

test('a phone shows the figures of each deal and what they mean', async () => {
  const { page, complaints, close } = await visit(browser, platform.url)
  await signUp(page)
  await page.getByRole('button', { name: 'Start a demo bot' }).click()
  await page.locator('.botHead [data-status="running"]').waitFor({ timeout: 30_000 })
  const summary = { matched: 2, union: 3, deviation: '12.34995219', deviationBps: '41.1665', waiting: 0, unavailable: 0 }
  await page.route('**/api/bots/*/parity*', route => route.fulfill({ json: { summary, items: ITEMS, nextCursor: null } }))
  const list = page.getByRole('list', { name: 'Deals and their simulations' })
  for (const width of [375, 1280]) {
    await page.setViewportSize({ width, height: 812 })
    await page.goto(`${new URL(page.url()).pathname}?tab=parity`)
    await list.getByText(SENTENCE).waitFor()
    const shots = process.env['EVENKEEL_SCREENSHOTS']
    if (shots) await page.screenshot({ path: `${shots}/parity-${width}.png`, fullPage: true })
    for (const text of await list.locator('p, dt, dd').all()) {
      const box = await text.boundingBox()
      assert.ok(
        box && box.x >= 0 && box.x + box.width <= width,
        `${await text.innerText()} at ${width} px: ${JSON.stringify(box)}`,
      )
      assert.ok(
        await text.evaluate(each => each.scrollWidth <= each.clientWidth + 1),
        `${await text.innerText()} is cut at ${width} px`,
      )
    }
  }
  const [first, second] = await list.getByRole('listitem').allInnerTexts()
  assert.match(first!, /#3\s+BTC\/USDT[\s\S]*−12,345\.68[\s\S]*−12,333\.33[\s\S]*−12\.35[\s\S]*Nobody was there for a while/)
  assert.match(second!, /−0\.00435/)
  assert.deepEqual(complaints, [])
  await close()
})
