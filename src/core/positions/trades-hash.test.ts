import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decimal } from '../money/decimal.ts'
import { type HashedFill, type HashedTrade, tradesHash } from './trades-hash.ts'

const d = Decimal.from

function fill(purpose: HashedFill['purpose'], atMs: number, price: string, rest: Partial<HashedFill> = {}): HashedFill {
  const side = purpose === 'base' || purpose === 'avg' ? 'buy' : 'sell'
  return {
    purpose,
    sequence: 1,
    fillId: '1',
    atMs,
    side,
    price: d(price),
    quantity: d('1'),
    fee: d('0.1'),
    feeAsset: 'Y',
    ...rest,
  }
}

const TRADE: HashedTrade = {
  symbol: 'X/Y',
  side: 'long',
  openedAtMs: 0,
  closedAtMs: 9,
  exitReason: 'tp',
  netPnl: d('0.8'),
  tradeSeq: 1,
  fills: [fill('base', 0, '10'), fill('tp', 9, '11')],
}

test('worked example', () => {
  assert.equal(tradesHash([TRADE]), 'b00406ba4b7e62312ace6ccd2cb301e0589656f720c28d0fc2ce5df3da1a6506')
})

test('how a number was written and in which order facts arrive changes nothing', () => {
  const later: HashedTrade = { ...TRADE, tradeSeq: 2, openedAtMs: 10, closedAtMs: 12, netPnl: d('-3') }
  const hash = tradesHash([TRADE, later])
  assert.equal(tradesHash([later, { ...TRADE, netPnl: d('0.800'), fills: [...TRADE.fills].reverse() }]), hash)
})

test('trades count by opening and symbol, whatever the bot numbered them', () => {
  const early: HashedTrade = { ...TRADE, tradeSeq: 7 }
  const late: HashedTrade = { ...TRADE, tradeSeq: 4, openedAtMs: 5, closedAtMs: 8 }
  const renumbered = tradesHash([
    { ...early, tradeSeq: 1 },
    { ...late, tradeSeq: 2 },
  ])
  assert.equal(tradesHash([early, late]), renumbered)
})

test('every fact counts', () => {
  const base = TRADE.fills[0]!
  const tp = TRADE.fills[1]!
  const variants: HashedTrade[] = [
    TRADE,
    { ...TRADE, symbol: 'X/Z' },
    { ...TRADE, side: 'short' },
    { ...TRADE, openedAtMs: 1 },
    { ...TRADE, closedAtMs: 10 },
    { ...TRADE, exitReason: 'stop_loss' },
    { ...TRADE, netPnl: d('0.80000001') },
    { ...TRADE, fills: [base] },
    { ...TRADE, fills: [base, { ...tp, price: d('11.01') }] },
    { ...TRADE, fills: [base, { ...tp, quantity: d('0.9') }] },
    { ...TRADE, fills: [base, { ...tp, fee: d('0.2') }] },
    { ...TRADE, fills: [base, { ...tp, feeAsset: 'Z' }] },
    { ...TRADE, fills: [base, { ...tp, atMs: 8 }] },
    { ...TRADE, fills: [base, { ...tp, sequence: 2 }] },
    { ...TRADE, fills: [base, { ...tp, purpose: 'sl' }] },
  ]
  assert.equal(new Set(variants.map(trade => tradesHash([trade]))).size, variants.length)
})

test('no trades have the hash of no lines', () => {
  assert.equal(tradesHash([]), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})
