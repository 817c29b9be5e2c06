// The exchange in memory and a run that trades drive share their rules: the same orders in the same market fill alike.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultRules, instrumentFromRules } from '../../core/market/instrument.ts'
import { Decimal } from '../../core/money/decimal.ts'
import type { Order } from '../../core/orders/order.ts'
import { VenueError } from '../venue.ts'
import { Clerk, SYMBOL } from './clerk.fixture.ts'
import { SimulatedExchange } from './exchange.ts'

const d = Decimal.from
const NOW = { minMs: 0, maxMs: 0 }

type Act =
  | { readonly act: 'place'; readonly text: string }
  | { readonly act: 'cancel'; readonly of: number }
  | { readonly act: 'print'; readonly price: string; readonly quantity: string }
  | { readonly act: 'quote'; readonly bid: number; readonly deep: boolean }

const price = fc.integer({ min: 950, max: 1050 }).map(tenths => (tenths / 10).toFixed(1))
const quantity = fc.integer({ min: 1, max: 3000 }).map(steps => (steps / 1000).toFixed(3))
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('buy', 'sell'), quantity, fc.constantFrom('', '@', 'stop', 'both'), price, price)
      .map(([side, amount, kind, at, limit]): Act => {
        const rest = kind === '' ? '' : kind === 'both' ? ` stop ${at} @ ${limit}` : ` ${kind} ${at}`
        return { act: 'place', text: `${side} ${amount}${rest}` }
      }),
  },
  { weight: 1, arbitrary: fc.nat(20).map((of): Act => ({ act: 'cancel', of })) },
  { weight: 5, arbitrary: fc.tuple(price, quantity).map(([at, amount]): Act => ({ act: 'print', price: at, quantity: amount })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 950, max: 1050 }), fc.boolean())
      .map(([bid, deep]): Act => ({ act: 'quote', bid, deep })),
  },
)

test('property: the same fills, whoever holds the book', () => {
  const settings = fc.record({ capPct: fc.constantFrom('10', '60', '100'), queue: fc.option(fc.constantFrom('0.3', '2')) })
  fc.assert(
    fc.property(settings, fc.array(acts, { maxLength: 60 }), ({ capPct, queue }, list) => {
      const common = {
        slippageBps: d('5'),
        volumeCapPct: d(capPct),
        ...(queue === null ? {} : { queueAhead: d(queue) }),
      }
      const clerk = new Clerk({ venue: { ...common, latency: NOW, cancelLatency: NOW } })
      const rules = { ...defaultRules('test', SYMBOL), step: '0.001', minNotional: '0' }
      const venue = new SimulatedExchange({
        ...common,
        instruments: [instrumentFromRules(rules)],
        balances: { USDT: d('100000000'), BTC: d('1000000') },
      })
      const orders: Order[] = []
      clerk.print('100', '1', 0)
      venue.print({ symbol: SYMBOL, price: d('100'), quantity: d('1'), atMs: 0 })
      for (const [i, one] of list.entries()) {
        const atMs = i + 1
        if (one.act === 'place') {
          const [side, amount, word, at, , limit] = one.text.split(' ')
          try {
            venue.place(
              {
                clientOrderId: String(orders.length + 1),
                symbol: SYMBOL,
                side: side as 'buy' | 'sell',
                type: word === 'stop' ? (limit ? 'stop_limit' : 'stop') : word === '@' ? 'limit' : 'market',
                quantity: amount!,
                limitPrice: word === '@' ? at! : (limit ?? null),
                stopPrice: word === 'stop' ? at! : null,
                reduceOnly: false,
              },
              atMs,
            )
          } catch (error) {
            // The exchange refuses a stop that is beyond already, where a backtest's venue fires it.
            assert.ok(error instanceof VenueError && error.code === 'STOP_WOULD_TRIGGER', String(error))
            continue
          }
          orders.push(clerk.place(one.text, atMs))
        } else if (one.act === 'cancel') {
          const order = orders[one.of]
          if (!order) continue
          clerk.cancel(order, atMs)
          const ref = { symbol: SYMBOL, clientOrderId: String(order.sequence), venueOrderId: null }
          if (venue.find(ref)?.status === 'open') venue.cancel(ref, atMs)
        } else if (one.act === 'print') {
          clerk.print(one.price, one.quantity, atMs)
          venue.print({ symbol: SYMBOL, price: d(one.price), quantity: d(one.quantity), atMs })
        } else {
          const bid = d((one.bid / 10).toFixed(1))
          const ask = bid.plus(d('0.2'))
          const levels = (from: Decimal, sign: number) =>
            [0, 1, 2].map(k => ({ price: from.plus(d(k * sign).shifted(-1)), quantity: d('0.7') }))
          const quote = {
            symbol: SYMBOL,
            bid,
            ask,
            atMs,
            ...(one.deep ? { depth: { bids: levels(bid, -1), asks: levels(ask, 1) } } : {}),
          }
          clerk.run.quote(quote)
          venue.quote(quote)
        }
      }
      const told = clerk.told.filter(line => line.includes(' fill ')).map(line => line.slice(13))
      const fills = venue
        .fillsSince(SYMBOL, null)
        .fills.map(fill => `fill ${fill.clientOrderId} ${fill.side} ${fill.quantity} @ ${fill.price} ${fill.liquidity}`)
      assert.deepEqual(told, fills)
    }),
    { numRuns: 400 },
  )
})
