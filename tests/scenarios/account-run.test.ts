import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, dcaConfig, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal, sumDecimals } from '../../src/core/money/decimal.ts'
import { Desk, INSTRUMENT, SYMBOL } from './account-desk.ts'

const CONFIG = dcaConfig({
  timeframe: '1m',
  exits: { takeProfit: takeProfit('2') },
  averaging: averaging({ activeOrdersCount: 2 }),
})
const PROTECTED = dcaConfig({
  timeframe: '1m',
  exits: { takeProfit: takeProfit('2', { placement: 'virtual' }), stopLoss: stopLoss({ value: '5', placement: 'resting' }) },
})

async function started(config = CONFIG, balances?: Record<string, string>): Promise<Desk> {
  const desk = new Desk(config, balances)
  desk.start()
  await desk.pass(30_000)
  assert.equal(desk.run?.status().stage, 'ready')
  return desk
}

describe('a deal at a venue', () => {
  test('bought, averaged, sold at its target; books and venue agree to the last place', async () => {
    const desk = await started()
    await desk.minutes(2, '100')
    assert.deepEqual(desk.orders().slice(0, 3), ['base1 filled 1/1', 'tp1 open 0/1', 'avg1 open 0/0.5074'])
    await desk.minutes(2, '98.4')
    await desk.minutes(3, '102')
    assert.ok(
      desk.orders().some(order => order.startsWith('tp') && order.includes('filled')),
      desk.orders().join('\n'),
    )
    await desk.minutes(1, '102')
    desk.assertBooksAgree()
    assert.ok(
      desk.calls.every(call => !call.startsWith('ERROR')),
      desk.calls.join('\n'),
    )
  })

  test('a resting stop lies at the venue for what was bought, and sells when it is touched', async () => {
    const desk = await started(PROTECTED)
    await desk.minutes(2, '100')
    const stop = desk.exchange.openOrders().find(order => order.type === 'stop')
    assert.equal(stop?.quantity.toString(), '1')
    await desk.minutes(2, '94.9')
    assert.ok(desk.orders().includes('sl1 filled 1/1'), desk.orders().join('\n'))
    desk.assertBooksAgree()
  })

  test('what the account held before is opened in the books, not called a difference', async () => {
    const desk = await started(CONFIG, { USDT: '10000', BTC: '3', BNB: '1' })
    assert.equal(desk.view.balances.get('BTC')?.toString(), '3')
    assert.equal(desk.run?.status().openDifferences, 0)
    desk.assertBooksAgree()
  })
})

describe('answers that do not come', () => {
  test('an order whose answer is lost is found, not sent again', async () => {
    const desk = await started()
    desk.trouble.push('answer_lost')
    await desk.minutes(2, '100')
    const places = desk.calls.filter(call => call.startsWith('place'))
    assert.equal(new Set(places).size, places.length)
    assert.equal(desk.exchange.history(0).filter(order => order.side === 'buy' && order.type === 'market').length, 1)
    assert.equal(desk.orders()[0], 'base1 filled 1/1')
    desk.assertBooksAgree()
  })

  test('an order that never arrived is proven absent after the horizon, and the bot goes on', async () => {
    const desk = await started()
    desk.trouble.push('request_lost')
    await desk.minutes(1, '100')
    await desk.pass(1000)
    assert.equal(desk.orders()[0], 'base1 unknown 0/1')
    assert.equal(desk.run?.status().inDoubt.length, 1)
    await desk.minutes(1, '100')
    assert.equal(desk.orders().length, 1, 'nothing is opened while it is in doubt')
    await desk.minutes(2, '100')
    assert.equal(desk.orders()[0], 'base1 rejected 0/1')
    assert.deepEqual(desk.run?.status().inDoubt, [])
    await desk.minutes(2, '100')
    assert.ok(
      desk.orders().some(order => order === 'base1 filled 1/1'),
      desk.orders().join('\n'),
    )
    desk.assertBooksAgree()
  })
})

describe('an order in doubt and a person who has looked', () => {
  test('needs a reason, and ends the doubt', async () => {
    const desk = await started()
    desk.trouble.push('request_lost')
    await desk.minutes(1, '100')
    await desk.pass(1000)
    const id = desk.run!.status().inDoubt[0]!.clientOrderId
    const refused = assert.rejects(desk.run!.declareAbsent(id, 'gone', 'ann'), /at least 10 characters/)
    await desk.pass(1000)
    await refused
    const declared = desk.run!.declareAbsent(id, 'not in the order list of the web page', 'ann')
    await desk.pass(1000)
    await declared
    assert.equal(desk.orders()[0], 'base1 rejected 0/1')
    assert.deepEqual(desk.run!.status().inDoubt, [])
  })
})

describe('a venue that tells only a part', () => {
  test('exits go out a minute after the start, entries wait until everything was compared', async () => {
    const desk = await started(PROTECTED)
    await desk.minutes(2, '100')
    desk.kill()
    desk.silent.add('balances')
    desk.start()
    await desk.pass(70_000)
    assert.equal(desk.run?.status().stage, 'ready')
    assert.equal(desk.run?.status().openDifferences, 1)
    await desk.minutes(3, '94')
    assert.ok(desk.orders().includes('sl1 filled 1/1'), desk.orders().join('\n'))
    assert.equal(desk.orders().filter(order => order.startsWith('base')).length, 1, 'nothing is entered')
    desk.silent.clear()
    await desk.minutes(3, '94')
    assert.equal(desk.run?.status().openDifferences, 0)
    assert.ok(desk.orders().filter(order => order.startsWith('base')).length > 1)
    desk.assertBooksAgree()
  })
})

describe('limits of the venue', () => {
  test('an entry that waits for room holds up no exit', async () => {
    const desk = await started()
    await desk.minutes(2, '100')
    desk.governor!.reported('minute', 900)
    desk.price('98.4')
    await desk.pass(1000)
    const before = desk.calls.length
    const panic = desk.run!.offerCommand('dca_bot_1700000000000_a1b2c3', {
      kind: 'user_command',
      atMs: 0,
      command: { type: 'panic' },
    })
    await desk.pass(3000)
    await panic
    assert.ok(
      desk.calls.slice(before).some(call => call.startsWith('cancel')),
      'cancels go out at once',
    )
    assert.ok(
      desk.orders().some(order => order.startsWith('panic1 filled')),
      desk.orders().join('\n'),
    )
  })
})

describe('a process that dies', () => {
  test('between the call and its answer: the next one asks, and does not send again', async () => {
    const desk = await started()
    desk.price('100')
    await desk.pass(60_000)
    desk.candle('100')
    // Committed, sent, and on its way: no answer has been read.
    await desk.pass(50)
    assert.equal(desk.calls.filter(call => call.startsWith('place')).length, 1)
    desk.kill()
    desk.start()
    await desk.pass(30_000)
    assert.equal(desk.calls.filter(call => call.startsWith('place')).length >= 1, true)
    assert.equal(desk.exchange.history(0).filter(order => order.type === 'market').length, 1)
    assert.equal(desk.orders()[0], 'base1 filled 1/1')
    await desk.minutes(1, '100')
    desk.assertBooksAgree()
  })

  test('with cancels that were decided and not sent: they are sent, however late, and the deal is sold', async () => {
    const desk = await started()
    await desk.minutes(2, '100')
    const panic = desk.run!.offerCommand('dca_bot_1700000000000_a1b2c3', {
      kind: 'user_command',
      atMs: 0,
      command: { type: 'panic' },
    })
    panic.catch(() => undefined)
    await desk.pass(3)
    desk.kill()
    await desk.scheduler.run(desk.scheduler.nowMs + 45_000, () => false)
    desk.start()
    await desk.pass(120_000)
    assert.deepEqual(desk.exchange.openOrders(), [])
    assert.ok(
      desk.orders().some(order => order.startsWith('panic1 filled')),
      desk.orders().join('\n'),
    )
    desk.assertBooksAgree()
  })

  test('with fills while nobody looked: they are booked, and the deal goes on', async () => {
    const desk = await started()
    await desk.minutes(1, '100')
    desk.kill()
    await desk.scheduler.run(desk.scheduler.nowMs + 60_000, () => false)
    desk.exchange.print({ symbol: SYMBOL, price: d('98'), quantity: d('5'), atMs: desk.scheduler.nowMs })
    desk.start()
    await desk.pass(30_000)
    assert.ok(desk.orders().includes('avg1 filled 0.5074/0.5074'), desk.orders().join('\n'))
    await desk.minutes(1, '98')
    desk.assertBooksAgree()
  })

  test('a worker that lost its lease writes nothing and ends', async () => {
    const desk = await started()
    await desk.minutes(1, '100')
    desk.store.takeOver('acc')
    desk.price('98')
    await desk.scheduler.run(desk.scheduler.nowMs + 120_000, () => false)
    assert.match(String(desk.ended), /LEASE_LOST|stale/i)
  })
})

describe('rules that the venue changes', () => {
  test('an order refused for them makes us read them; the next one obeys', async () => {
    const desk = await started()
    desk.exchange.setInstrument({ ...INSTRUMENT, step: d('0.5'), tick: d('0.5') })
    await desk.minutes(4, '100')
    assert.ok(
      desk.orders().some(order => order.startsWith('base') && order.includes('filled')),
      desk.orders().join('\n'),
    )
    const resting = desk.exchange.openOrders()
    assert.ok(resting.length > 0 && resting.every(order => order.quantity.isOnGrid(d('0.5'))))
    desk.assertBooksAgree()
  })
})

describe('what is not ours', () => {
  test('a foreign order is told once and left alone', async () => {
    const desk = await started()
    const foreign = {
      clientOrderId: 'web_1',
      symbol: SYMBOL,
      side: 'buy',
      type: 'limit',
      quantity: '1',
      limitPrice: '50',
    } as const
    desk.exchange.place({ ...foreign, stopPrice: null, reduceOnly: false }, desk.scheduler.nowMs)
    await desk.minutes(3, '100')
    const seen = [...desk.view.foreignOrders()]
    assert.equal(seen.length, 1)
    assert.equal(seen[0]?.resolution, 'open')
    assert.ok(desk.exchange.openOrders().some(order => order.clientOrderId === 'web_1'))
  })

  test('a person decides on a foreign order once: it is cancelled at the venue, or left alone', async () => {
    const desk = await started()
    const foreign = {
      clientOrderId: 'web_1',
      symbol: SYMBOL,
      side: 'buy',
      type: 'limit',
      quantity: '1',
      limitPrice: '50',
    } as const
    const { venueOrderId } = desk.exchange.place({ ...foreign, stopPrice: null, reduceOnly: false }, desk.scheduler.nowMs)
    await desk.minutes(2, '100')
    const decided = desk.run!.decideForeign(venueOrderId, { kind: 'cancel' })
    await desk.pass(5000)
    await decided
    assert.equal(desk.exchange.find({ ...foreign, venueOrderId })?.status, 'cancelled')
    const again = assert.rejects(desk.run!.decideForeign(venueOrderId, { kind: 'ignore' }), /cancelled already/)
    await desk.pass(1000)
    await again
  })

  test('a foreign sell order that a person adopts closes the deal as one of its own', async () => {
    const desk = await started(
      dcaConfig({ timeframe: '1m', maxActiveDeals: 1, exits: { takeProfit: takeProfit('9', { placement: 'virtual' }) } }),
    )
    await desk.minutes(2, '100')
    const foreign = {
      clientOrderId: 'web_2',
      symbol: SYMBOL,
      side: 'sell',
      type: 'limit',
      quantity: '1',
      limitPrice: '101',
    } as const
    const { venueOrderId } = desk.exchange.place({ ...foreign, stopPrice: null, reduceOnly: false }, desk.scheduler.nowMs)
    await desk.minutes(2, '100')
    const adopted = desk.run!.decideForeign(venueOrderId, { kind: 'adopt', botId: 'dca_bot_1700000000000_a1b2c3', tradeSeq: 1 })
    await desk.pass(5000)
    await adopted
    await desk.minutes(2, '101.5')
    assert.ok(desk.orders().includes('adopt1 filled 1/1'), desk.orders().join('\n'))
    desk.assertBooksAgree()
  })

  test('money that nobody can explain is booked as unexplained, loudly', async () => {
    const desk = await started()
    await desk.minutes(1, '100')
    desk.exchange.transfer('USDT', d('0.05'))
    await desk.pass(600_000)
    desk.assertBooksAgree()
    assert.equal(desk.view.rebuiltBooks().get('')?.balance('unexplained', 'USDT').toString(), '-0.05')
    assert.ok(desk.calls.some(call => call.startsWith('ERROR') && call.includes('another balance')))
  })

  test('comparing twice tells nothing the second time', async () => {
    const desk = await started()
    await desk.minutes(3, '100')
    const commits = (): number => [...desk.view.journal('dca_bot_1700000000000_a1b2c3')].length
    const before = commits()
    desk.run?.reconcileNow(new AbortController().signal)
    await desk.pass(10_000)
    desk.run?.reconcileNow(new AbortController().signal)
    await desk.pass(10_000)
    assert.equal(commits(), before)
  })
})

function d(text: string): Decimal {
  return Decimal.from(text)
}

describe('coins of a deal that a person sold by hand', () => {
  const WATCHED = dcaConfig({
    timeframe: '1m',
    maxActiveDeals: 1,
    exits: { takeProfit: takeProfit('5', { placement: 'virtual' }), stopLoss: stopLoss({ value: '9', placement: 'virtual' }) },
  })

  function sellByHand(desk: Desk, quantity: string): void {
    const order = { clientOrderId: 'web_9', symbol: SYMBOL, side: 'sell', type: 'market', quantity } as const
    desk.exchange.place({ ...order, limitPrice: null, stopPrice: null, reduceOnly: false }, desk.scheduler.nowMs)
    desk.price('100')
  }

  const freeCoins = (desk: Desk): string =>
    sumDecimals([...desk.view.rebuiltBooks().values()].map(books => books.balance('free', 'BTC'))).toString()
  const salesOfOurs = (desk: Desk): string[] => desk.orders().filter(order => /^(tp|sl|exit|close)/.test(order))

  test('all of them: the deal ends unsold, the books agree, and the bot goes on', async () => {
    const desk = await started(WATCHED)
    await desk.minutes(2, '100')
    assert.deepEqual(desk.orders(), ['base1 filled 1/1'])
    sellByHand(desk, '1')
    await desk.minutes(8, '100')
    const [first] = [...desk.view.trades()]
    assert.equal(first?.dealStatus, 'released')
    assert.equal(first?.exitReason, 'reconciliation')
    assert.equal(desk.run?.status().openDifferences, 0)
    assert.deepEqual(salesOfOurs(desk), [])
    desk.assertBooksAgree()
    assert.ok(
      desk.calls.some(call => call.startsWith('ERROR coins') && call.includes('"soldAt":"99.95"')),
      desk.calls.filter(call => call.startsWith('ERROR')).join('\n'),
    )
    assert.equal(freeCoins(desk), '0')
    assert.deepEqual(desk.orders(), ['base1 filled 1/1', 'base1 filled 1/1'], 'the next deal is open')
    await desk.minutes(3, '106')
    assert.deepEqual(salesOfOurs(desk), ['tp1 filled 1/1'], 'and it alone is sold')
    desk.assertBooksAgree()
  })

  test('a part of them: the target sells the rest', async () => {
    const desk = await started(WATCHED)
    await desk.minutes(2, '100')
    sellByHand(desk, '0.4')
    await desk.minutes(8, '100')
    assert.equal(desk.run?.status().openDifferences, 0)
    await desk.minutes(3, '106')
    assert.deepEqual(salesOfOurs(desk), ['tp1 filled 0.6/0.6'])
    assert.equal(freeCoins(desk), '0')
    desk.assertBooksAgree()
  })

  test('a sale that the venue refuses for them makes it look at once: nothing is sold again and again', async () => {
    const desk = await started(WATCHED)
    await desk.minutes(2, '100')
    sellByHand(desk, '1')
    // Before anything was compared the stop fires for coins that are not there.
    await desk.minutes(2, '90')
    await desk.minutes(1, '100')
    const refused = salesOfOurs(desk)
    assert.ok(refused.length > 0 && refused.length < 7, refused.join('\n'))
    assert.equal([...desk.view.trades()][0]?.dealStatus, 'released')
    await desk.minutes(2, '100')
    assert.equal(freeCoins(desk), '0')
    desk.assertBooksAgree()
  })
})
