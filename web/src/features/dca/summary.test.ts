// A bot in words: every part that is on is said, none that is off.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDcaConfig } from '../../../../src/contract/dca-config.ts'
import { type Draft, demoDraft, newDraft, withPreset } from './draft.ts'
import { withValue } from './path.ts'
import { describeBot } from './summary.ts'

function say(draft: Draft): string {
  const result = parseDcaConfig(draft)
  if (!result.ok) assert.fail(JSON.stringify(result.findings))
  return describeBot(result.config).join(' ')
}

test('the drafts that the pages begin with are valid and can be told', () => {
  assert.equal(
    say(demoDraft()),
    'Buys BTC/USDT for 200 USDT at market, as soon as a slot is free. Buys up to 4 times more at falls that begin at 0.4 % and widen by 1.3 each step, first for 100 % of the base order, each 1.4 times the one before. Sells all at 0.6 % above the average price.',
  )
  for (const id of ['conservative', 'moderate', 'aggressive'] as const)
    assert.match(say(withPreset(newDraft(), id)), /Sells all at/)
})

test('stop, time and brake are told when they are on', () => {
  let draft = withValue(newDraft(), 'exits.stopLoss', {
    type: 'pct',
    value: '12',
    basis: 'base_order',
    action: 'close_and_pause',
  })
  draft = withValue(draft, 'exits.timeExit', { maxHoldSec: 86_400, minProfitPct: null })
  draft = withValue(draft, 'emergencyBrake', { circuitBreaker: { dropPct: '8', windowMin: 10 } })
  const text = say(draft)
  assert.match(text, /12 % below the base order, then pauses/)
  assert.match(text, /Closes after 1 d\./)
  assert.match(text, /Stops buying when the price falls 8 % within 10 min/)
})

test('a conditional entry is told in its own words', () => {
  const draft = withValue(newDraft(), 'entry', {
    mode: 'conditional',
    playbook: {
      items: [
        {
          id: 'a',
          condition: {
            timeframe: '1h',
            lhs: { kind: 'indicator', name: 'rsi', params: { period: 14 } },
            op: 'lt',
            rhs: { kind: 'level', name: 'oversold' },
          },
        },
      ],
    },
  })
  assert.match(say(draft), /when RSI\(14\) on 1h is below oversold \(30\)/)
})
