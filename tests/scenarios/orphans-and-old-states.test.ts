/** Orders of ours that no record knew, and runs that were saved by the former version. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import type { Order } from '../../src/core/orders/order.ts'
import { bought, type VenueStory } from './venue-story.ts'

const ladder = averaging({ rule: { type: 'ladder', stepPct: '2', stepScale: '1' }, maxOrders: 2, activeOrdersCount: 1 })
const STOP = { exits: { takeProfit: null, stopLoss: stopLoss({ placement: 'resting', value: '10' }) } }

function orphan(story: VenueStory, changes: Partial<Order>): VenueStory {
  const order: Order = {
    ...story.image('base|1')!,
    status: 'open',
    filledQuantity: ZERO,
    filledValue: ZERO,
    closedAtMs: null,
    ...changes,
  }
  const record = { order, botTradeSeq: 10 + order.tradeSeq, configVersion: 1 }
  return story.tell({ kind: 'orphan_adopted', atMs: story.nowMs, record })
}

describe('an order of ours that nobody knew', () => {
  test('one that nothing wants is cancelled, and its number is never used again', () => {
    const story = bought({ config: { averaging: ladder } })
      .rests('tp|1', 'avg|1')
      .did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98')
    orphan(story, { purpose: 'avg', sequence: 4, type: 'limit', limitPrice: Decimal.from('97') }).did('cancel avg|4')
    story.fill('avg|1', '0.51', '98').did('cancel tp|1')
    story.order('avg|4', 'cancelled').did('place avg|5 buy 0.52 @ 96')
    assert.deepEqual(story.alarms(), ['ORPHAN_ADOPTED'])
  })

  test('a stop where none rests is kept', () => {
    const story = bought({ config: STOP }).order('sl|1', 'withdrawn').did('place sl|1 sell 1 stop 90\nplace sl|2 sell 1 stop 90')
    story.order('sl|2', 'sent').order('sl|2', 'rejected', 'no')
    const rest = { side: 'sell', type: 'stop', stopPrice: Decimal.from('90'), quantity: Decimal.from('1') } as const
    orphan(story, { purpose: 'sl', sequence: 7, ...rest })
      .waits(60_000)
      .did('')
    assert.equal(story.trades.get(1)!.position.isProtected, true)
  })

  test('of a deal that is over: cancelled, and what it fills is sold', () => {
    const story = bought({}).rests('tp|1').fill('tp|1', '1', '102').did('place tp|1 sell 1 @ 102')
    orphan(story, { purpose: 'avg', sequence: 2, type: 'limit', limitPrice: Decimal.from('97') }).did('cancel avg|2')
    story.fill('avg|2', '1', '97').did('place exit|1 sell 1 market').rests('exit|1').fill('exit|1', '1', '98')
    assert.equal(story.row(), 'closed reconciliation 3')
  })

  test('of a deal that this state never had: counters move past it', () => {
    const story = bought({}).rests('tp|1').fill('tp|1', '1', '102').did('place tp|1 sell 1 @ 102')
    orphan(story, { tradeSeq: 4 }).did('cancel 4:base|1').order('4:base|1', 'cancelled')
    assert.equal(story.state.nextTradeSeq, 5)
    assert.equal(story.state.nextBotTradeSeq, 15)
    assert.equal(story.row(4), 'cancelled - -')
  })

  test('one that is known is no orphan', () => {
    const story = bought({}).rests('tp|1').did('place tp|1 sell 1 @ 102')
    orphan(story, { ...story.image('tp|1')! }).did('')
    assert.deepEqual(story.alarms(), [])
  })
})

test('a run that the former version saved goes on', () => {
  const saved: unknown = JSON.parse(readFileSync(new URL('state-v1.json', import.meta.url), 'utf8'))
  const targets = [
    { profitPct: '2', sellPct: '50' },
    { profitPct: '4', sellPct: '50' },
  ]
  const exits = { takeProfit: takeProfit('2', { targets, placement: 'virtual' }), stopLoss: stopLoss({ placement: 'resting' }) }
  const story = bought({
    config: { averaging: averaging({ maxOrders: 2, activeOrdersCount: 2 }), exits },
    traits: { answersLate: false },
  })
  const { machine } = story
  const state = machine.revive(saved)
  assert.equal(state.version, 2)
  assert.equal(state.safety, 'normal')
  assert.deepEqual(
    state.deals[0]!.orders.map(order => `${order.purpose} ${order.status} ${order.quantity}`),
    ['sl open 1', 'avg open 0.507', 'avg open 0.515'],
  )
  const order = { tradeSeq: 1, purpose: 'sl', sequence: 1 } as const
  const price = Decimal.from('79')
  const fill = { ...story.fills[0]!, ...order, side: 'sell', price, quantity: Decimal.from('1'), fillId: 'z' } as const
  const { state: next, changes } = machine.step(state, { kind: 'fill_reported', atMs: state.nowMs + 1, fill })
  assert.equal(next.deals[0]!.exitReason, 'stop_loss')
  assert.deepEqual(
    changes.orders.filter(each => each.cancelState === 'requested').map(each => `${each.purpose}|${each.sequence}`),
    ['avg|1', 'avg|2'],
  )
  assert.throws(() => machine.revive({ ...(saved as object), version: 0 }), /version 0, this engine reads 2 and 1/)
})
