// Batches as the engine would give them, for tests and measurements of storage: deals that buy at one instant and sell at the next.

import type { Transfer } from '../core/ledger/transfer.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import { type Fill, type Order, type OrderKey, orderKeyText } from '../core/orders/order.ts'
import type { CommitBatch, TradeImage } from '../engine/commit-batch.ts'
import { createBot } from './bots-store.ts'
import type { Database } from './database.ts'
import { upsertInstruments } from './instrument-store.ts'
import type { RunContext } from './run-commit-store.ts'
import { startRun } from './runs-store.ts'
import { createTestUser } from './testing.ts'

const SYMBOL = 'BTC/USDT'
const START_MS = Date.UTC(2024, 0, 1)
const MINUTE_MS = 60_000
const FEE = Decimal.from('0.01')

/** A user with a bot and a running paper run of 10,000 USDT. */
export async function startTestRun(db: Database, userId?: string): Promise<RunContext> {
  const owner = userId ?? (await createTestUser(db))
  await db.withApp(tx =>
    upsertInstruments(tx, [
      {
        exchange: 'demo',
        symbol: SYMBOL,
        base: 'BTC',
        quote: 'USDT',
        kind: 'spot',
        tick: '0.01',
        step: '0.00001',
        minQty: '0',
        minNotional: '5',
        makerBps: '10',
        takerBps: '10',
        feeAsset: 'USDT',
      },
    ]),
  )
  const { botId, runId } = await db.withTenant(owner, async tx => {
    const bot = await createBot(tx, {
      name: 'Test',
      botType: 'dca',
      symbol: SYMBOL,
      interval: '1m',
      config: { a: 1 },
      schemaVersion: 1,
    })
    const run = await startRun(tx, {
      botId: bot.botId,
      mode: 'paper',
      initialBalance: '10000',
      currency: 'USDT',
      engineVersion: 'test',
    })
    return { botId: bot.botId, runId: run.runId }
  })
  return {
    userId: owner,
    botId,
    runId,
    mode: 'paper',
    exchange: 'paper_trading',
    epoch: 1,
    leaseToken: null,
    workerId: null,
    instruments: new Map([[SYMBOL, { instrumentId: `demo:${SYMBOL}`, base: 'BTC', quote: 'USDT' }]]),
  }
}

function orderOf(key: OrderKey, side: 'buy' | 'sell', price: Decimal, atMs: number): Order {
  return {
    ...key,
    symbol: SYMBOL,
    side,
    type: 'market',
    quantity: Decimal.from('0.1'),
    limitPrice: null,
    stopPrice: null,
    decisionPrice: null,
    rung: null,
    status: 'filled',
    cancelState: 'none',
    isVirtual: false,
    filledQuantity: Decimal.from('0.1'),
    filledValue: price.times(Decimal.from('0.1')),
    feeValueQuote: FEE,
    reason: null,
    intendedAtMs: atMs,
    expiresAtMs: null,
    closedAtMs: atMs,
  }
}

/**
 * The n-th instant of a test run, from 1: odd ones open deal (n + 1) / 2 at 100 with a base order, even ones close it at 101.
 * @param stateBytes size of the state beside its counters.
 */
export function testBatch(n: number, stateBytes = 600): CommitBatch {
  const tradeSeq = Math.ceil(n / 2)
  const opening = n % 2 === 1
  const atMs = START_MS + n * MINUTE_MS
  const price = Decimal.from(opening ? '100' : '101')
  const quantity = Decimal.from('0.1')
  const value = price.times(quantity)
  const key: OrderKey = { tradeSeq, purpose: opening ? 'base' : 'tp', sequence: 1 }
  const order = orderOf(key, opening ? 'buy' : 'sell', price, atMs)
  const fill: Fill = {
    ...key,
    symbol: SYMBOL,
    fillId: '0',
    side: order.side,
    price,
    quantity,
    fee: FEE,
    feeAsset: 'USDT',
    feeValueQuote: FEE,
    liquidity: 'taker',
    atMs,
  }
  const text = orderKeyText(key)
  const transfer = (
    part: string,
    debit: Transfer['debit'],
    credit: Transfer['credit'],
    currency: string,
    amount: Decimal,
  ): Transfer => ({
    cause: `fill:${text}:0:${part}`,
    kind: part,
    debit,
    credit,
    currency,
    amount,
    tradeSeq,
    orderKey: text,
    fillId: '0',
  })
  const transfers = opening
    ? [
        transfer('cost', 'market', 'bot_free', 'USDT', value),
        transfer('quantity', 'position', 'market', 'BTC', quantity),
        transfer('fee', 'fees', 'bot_free', 'USDT', FEE),
      ]
    : [
        transfer('proceeds', 'bot_free', 'market', 'USDT', value),
        transfer('quantity', 'market', 'position', 'BTC', quantity),
        transfer('fee', 'fees', 'bot_free', 'USDT', FEE),
      ]
  const net = Decimal.from('0.08')
  const bought = Decimal.from('10')
  const free = Decimal.from('10000')
    .plus(net.times(Decimal.from(tradeSeq - (opening ? 1 : 0))))
    .minus(opening ? bought.plus(FEE) : ZERO)
  const trade: TradeImage = {
    tradeSeq,
    botTradeSeq: tradeSeq,
    parentTradeSeq: null,
    partialExit: null,
    symbol: SYMBOL,
    direction: 'long',
    dealStatus: opening ? 'open' : 'closed',
    configVersion: 1,
    entryLogicName: 'immediate',
    createdAtMs: START_MS + (2 * tradeSeq - 1) * MINUTE_MS,
    openedAtMs: START_MS + (2 * tradeSeq - 1) * MINUTE_MS,
    closedAtMs: opening ? null : atMs,
    buyOrderCreatedAtMs: START_MS + (2 * tradeSeq - 1) * MINUTE_MS,
    buyOrderClosedAtMs: START_MS + (2 * tradeSeq - 1) * MINUTE_MS,
    sellOrderCreatedAtMs: opening ? null : atMs,
    sellOrderClosedAtMs: opening ? null : atMs,
    entryPrice: Decimal.from('100'),
    exitPrice: opening ? null : price,
    entryValue: bought,
    exitValue: opening ? null : value,
    size: quantity,
    commission: opening ? FEE : FEE.plus(FEE),
    grossPnl: opening ? null : Decimal.from('0.1'),
    netPnl: opening ? null : net,
    pnlPercentage: opening ? null : Decimal.from('0.8'),
    exitReason: opening ? null : 'tp',
    averagingCount: 0,
    exitState: { fired: [] },
    position: {
      quantity: opening ? quantity : ZERO,
      averagePrice: opening ? Decimal.from('100') : null,
      basis: opening ? bought : ZERO,
      realizedPnl: opening ? FEE.negated() : net,
      feesPaid: opening ? FEE : FEE.plus(FEE),
      currentPrice: price,
      unrealizedPnl: ZERO,
      stopPrice: Decimal.from('90'),
      peakPrice: null,
      breakEvenActive: false,
      trailingActive: false,
      takeProfits: [],
      isProtected: false,
      protectionReason: 'needs this server',
    },
  }
  return {
    firstSeq: n,
    lastSeq: n,
    atMs,
    journal: [{ seq: n, atMs, kind: 'candle_closed', payload: { event: { close: price.toString(), n }, commands: [key] } }],
    decisions: [],
    orders: [order],
    fills: [fill],
    transfers,
    trades: [trade],
    funds: [{ currency: 'USDT', free, locked: ZERO }],
    events: [],
    equity: [],
    metrics: null,
    totals: {
      status: 'running',
      endedAtMs: null,
      totalTrades: opening ? tradeSeq - 1 : tradeSeq,
      totalPnl: net.times(Decimal.from(tradeSeq - (opening ? 1 : 0))).toString(),
      currentBalance: free.toString(),
      maxDrawdown: 0,
      sharpeRatio: null,
      tradesHash: null,
    },
    botStatus: 'running',
    pausedBy: [],
    state: { n, filler: 'x'.repeat(stateBytes) },
  }
}
