import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CALL_CLASSES, type CallClass, VenueError } from '../engine/venue.ts'
import { SteppedClock } from './calls.fixture.ts'
import { type Ban, type CallRequest, CLASS_SHARE_PCT, type GovernedCall, Governor, type GovernorLimits } from './governor.ts'

const MINUTE = 60_000
const LIMITS: GovernorLimits = {
  weight: [{ name: 'weight-1m', intervalMs: MINUTE, limit: 1_200 }],
  orders: [
    { name: 'orders-10s', intervalMs: 10_000, limit: 50 },
    { name: 'orders-1d', intervalMs: 24 * 60 * MINUTE, limit: 160_000 },
  ],
}
const NEVER = new AbortController().signal

function call(callClass: CallClass, rest: Partial<CallRequest> = {}): CallRequest {
  return { class: callClass, account: 'a', weight: 1, isOrder: false, deadlineMs: 0, ...rest }
}

/** A governor on a clock of its own, and what it has granted in order. */
function lab(limits: GovernorLimits = LIMITS) {
  const clock = new SteppedClock()
  const bans: Ban[] = []
  const governor = new Governor(limits, clock, ban => bans.push(ban))
  const granted: string[] = []
  const ask = (name: string, request: CallRequest, signal = NEVER): Promise<void> =>
    governor.acquire(request, signal).then(() => {
      granted.push(name)
    })
  return { clock, governor, granted, bans, ask }
}

describe('how much of a limit is open to a class', () => {
  for (const callClass of CALL_CLASSES) {
    test(`${callClass}: ${CLASS_SHARE_PCT[callClass]} %`, () => {
      const { governor } = lab()
      const room = (1_200 * CLASS_SHARE_PCT[callClass]) / 100
      for (let used = 0; used < room; used += 1) assert.ok(governor.take(call(callClass)), `${used} of ${room}`)
      assert.equal(governor.take(call(callClass)), false)
      assert.equal(governor.admits(call('P0')), CLASS_SHARE_PCT[callClass] < 95)
    })
  }

  test('the shares are those of the specification', () => {
    assert.deepEqual(CLASS_SHARE_PCT, { P0: 95, P1: 95, P2: 95, P3: 80, P4: 70, P5: 60, P6: 50 })
  })

  test('asking takes nothing', () => {
    const { governor } = lab()
    for (let i = 0; i < 2_000; i += 1) assert.ok(governor.admits(call('P6')))
  })

  test('a heavy call is measured with its weight', () => {
    const { governor } = lab()
    assert.ok(governor.take(call('P6', { weight: 400 })))
    assert.equal(governor.admits(call('P6', { weight: 201 })), false)
    assert.ok(governor.admits(call('P6', { weight: 200 })))
  })

  test('a call that can never fit is refused at once, with the remedy', async () => {
    const { governor } = lab()
    await assert.rejects(
      governor.acquire(call('P6', { weight: 601 }), NEVER),
      /weight 601 never fits the 600 .*weight-1m.*larger share/,
    )
  })

  test('a limit of one lets one through', () => {
    const { governor } = lab({ weight: [{ name: 'w', intervalMs: 1_000, limit: 1 }], orders: [] })
    assert.ok(governor.take(call('P6')))
    assert.equal(governor.take(call('P0')), false)
  })
})

describe('the window', () => {
  test('slides: what was used a whole interval ago is free again', async () => {
    const { clock, governor } = lab()
    assert.ok(governor.take(call('P6', { weight: 600 })))
    await clock.pass(MINUTE)
    assert.equal(governor.admits(call('P6')), false)
    await clock.pass(1)
    assert.ok(governor.admits(call('P6', { weight: 600 })))
  })

  test('orders are counted by account, weight by all', () => {
    const { governor } = lab()
    for (let i = 0; i < 35; i += 1) assert.ok(governor.take(call('P4', { isOrder: true })))
    assert.equal(governor.admits(call('P4', { isOrder: true })), false)
    assert.ok(governor.admits(call('P4')))
    assert.ok(governor.admits(call('P1', { isOrder: true })))
    assert.ok(governor.admits(call('P4', { isOrder: true, account: 'b' })))
  })

  test('the venue counted more: others behind the address used it', async () => {
    const { clock, governor } = lab()
    assert.ok(governor.take(call('P6', { weight: 100 })))
    governor.reported('weight-1m', 700)
    assert.equal(governor.admits(call('P5', { weight: 21 })), false)
    assert.ok(governor.admits(call('P4', { weight: 140 })))
    assert.equal(governor.admits(call('P4', { weight: 141 })), false)
    await clock.pass(MINUTE + 1)
    assert.ok(governor.admits(call('P6', { weight: 600 })))
  })

  test('the venue counted less: our own count stands', () => {
    const { governor } = lab()
    assert.ok(governor.take(call('P6', { weight: 600 })))
    governor.reported('weight-1m', 10)
    assert.equal(governor.admits(call('P6')), false)
  })

  test('orders that the venue counted for an account', () => {
    const { governor } = lab()
    governor.reported('orders-10s', 47, 'a')
    assert.equal(governor.admits(call('P1', { isOrder: true })), false)
    assert.ok(governor.admits(call('P1', { isOrder: true, account: 'b' })))
  })

  test('a worker with a share of the limits uses its share', () => {
    const governor = new Governor(LIMITS, new SteppedClock(), () => {}, 0.25)
    assert.ok(governor.take(call('P6', { weight: 150 })))
    assert.equal(governor.admits(call('P6')), false)
    governor.setShare(0.5)
    assert.ok(governor.admits(call('P6', { weight: 150 })))
    for (const share of [0, -1, 1.1, Number.NaN]) assert.throws(() => governor.setShare(share), /above 0 and at most 1/)
  })

  test('a call that fits no smaller share is told so while it waits', async () => {
    const { governor, ask } = lab()
    assert.ok(governor.take(call('P6', { weight: 600 })))
    const waiting = ask('scan', call('P6', { weight: 500 }))
    governor.setShare(0.5)
    await assert.rejects(waiting, /never fits the 300/)
  })
})

describe('refused by the venue', () => {
  test('too many calls: only probes of what is in doubt until it allows more', async () => {
    const { clock, governor, granted, ask } = lab()
    governor.noteError('a', new VenueError('rate_limited', '-1003', 'too many requests', 30_000))
    void ask('exit', call('P1'))
    void ask('probe', call('P0'))
    await clock.pass(29_999)
    assert.deepEqual(granted, ['probe'])
    await clock.pass(1)
    assert.deepEqual(granted, ['probe', 'exit'])
  })

  test('banned: nobody calls until it ends, and people are told', async () => {
    const { clock, governor, granted, bans, ask } = lab()
    governor.noteError('a', new VenueError('banned', '418', 'banned', 120_000))
    assert.deepEqual(bans, [{ account: 'a', forMs: 120_000 }])
    void ask('probe', call('P0'))
    await clock.pass(119_999)
    assert.deepEqual(granted, [])
    await clock.pass(1)
    assert.deepEqual(granted, ['probe'])
  })

  test('a shorter answer later does not shorten the pause; without a stated time a minute, and five for a ban', async () => {
    const { clock, governor } = lab()
    governor.rateLimited(90_000)
    governor.rateLimited(1_000)
    await clock.pass(89_999)
    assert.equal(governor.admits(call('P1')), false)
    await clock.pass(1)
    assert.ok(governor.admits(call('P1')))
    governor.rateLimited(null)
    await clock.pass(59_999)
    assert.equal(governor.admits(call('P1')), false)
    governor.banned('a', null)
    await clock.pass(299_999)
    assert.equal(governor.admits(call('P0')), false)
    await clock.pass(1)
    assert.ok(governor.admits(call('P6')))
  })

  test('other errors say nothing of limits', () => {
    const { governor } = lab()
    governor.noteError('a', new VenueError('refused', '-2010', 'insufficient balance'))
    governor.noteError('a', new Error('socket hang up'))
    assert.ok(governor.admits(call('P6')))
  })
})

describe('turns', () => {
  test('the most urgent first, whoever asked first', async () => {
    const { clock, governor, granted, ask } = lab()
    assert.ok(governor.take(call('P0', { weight: 1_140 })))
    for (const callClass of ['P6', 'P3', 'P4', 'P1', 'P0', 'P5', 'P2'] as const) void ask(callClass, call(callClass))
    await clock.pass(MINUTE - 1)
    assert.deepEqual(granted, [])
    await clock.pass(2)
    assert.deepEqual(granted, [...CALL_CLASSES])
  })

  test('accounts of a class take turns, of one account what is due first', async () => {
    const { clock, governor, granted, ask } = lab()
    assert.ok(governor.take(call('P0', { weight: 1_140, account: 'c' })))
    for (const [account, deadlineMs] of [
      ['a', 3],
      ['a', 1],
      ['a', 2],
      ['b', 9],
      ['c', 0],
    ] as const) {
      void ask(`${account}${deadlineMs}`, call('P3', { account, deadlineMs }))
    }
    await clock.pass(MINUTE + 1)
    assert.deepEqual(granted, ['a1', 'b9', 'c0', 'a2', 'a3'])
  })

  test('who waits for weight is not overtaken by lighter calls that are less urgent', async () => {
    const { clock, governor, granted, ask } = lab()
    assert.ok(governor.take(call('P0', { weight: 1_120 })))
    void ask('exit', call('P1', { weight: 40 }))
    void ask('cancel', call('P2'))
    await clock.pass(1_000)
    assert.deepEqual(granted, [])
    assert.equal(governor.take(call('P2')), false)
    assert.ok(governor.take(call('P0')))
    await clock.pass(MINUTE)
    assert.deepEqual(granted, ['exit', 'cancel'])
  })

  test('an account that used up its orders holds up no other, and none of its own reads', async () => {
    const { clock, granted, governor, ask } = lab()
    for (let i = 0; i < 47; i += 1) assert.ok(governor.take(call('P1', { isOrder: true })))
    void ask('a-exit', call('P1', { isOrder: true }))
    void ask('b-entry', call('P4', { isOrder: true, account: 'b' }))
    void ask('a-read', call('P3'))
    await clock.pass(0)
    assert.deepEqual(granted, ['b-entry', 'a-read'])
    assert.equal(governor.admits(call('P4', { isOrder: true })), false)
    await clock.pass(10_001)
    assert.deepEqual(granted, ['b-entry', 'a-read', 'a-exit'])
  })

  test('whoever is aborted leaves, and lets the next one go', async () => {
    const { clock, governor, granted, ask } = lab()
    assert.ok(governor.take(call('P0', { weight: 1_100, account: 'b' })))
    const abort = new AbortController()
    const heavy = ask('heavy', call('P1', { weight: 100 }), abort.signal)
    void ask('light', call('P1', { account: 'b' }))
    await clock.pass(0)
    assert.deepEqual([granted, governor.waiting], [[], 2])
    abort.abort(new Error('stopped'))
    await assert.rejects(heavy, /stopped/)
    await clock.pass(0)
    assert.deepEqual([granted, governor.waiting], [['light'], 0])
    await assert.rejects(governor.acquire(call('P1'), abort.signal), /stopped/)
  })

  test('nobody sleeps when nobody waits', async () => {
    const { clock, governor, ask } = lab()
    assert.ok(governor.take(call('P0', { weight: 1_140 })))
    void ask('one', call('P1'))
    assert.equal(clock.sleeping, 1)
    await clock.pass(MINUTE + 1)
    assert.equal(clock.sleeping, 0)
  })
})

test('under saturation by scans and candles every exit goes out at once', async () => {
  const { clock, governor, granted, ask } = lab()
  const background: readonly CallClass[] = ['P6', 'P5', 'P4', 'P3']
  for (let second = 0; second < 180; second += 1) {
    for (let i = 0; i < 40; i += 1) void ask('background', call(background[i % 4]!, { weight: 3, account: `x${i % 7}` }))
    const before = granted.length
    for (let i = 0; i < 3; i += 1) void ask(`exit ${second}`, call('P1', { isOrder: true, account: `y${i}` }))
    await clock.pass(0)
    assert.equal(granted.slice(before).filter(name => name === `exit ${second}`).length, 3)
    await clock.pass(1_000)
  }
  assert.ok(governor.waiting > 1_000, 'the scans did not saturate the limit')
})

test('property: no window ever holds more than its limit, no class more than its share', async () => {
  const limits: GovernorLimits = {
    weight: [
      { name: 'w', intervalMs: 1_000, limit: 40 },
      { name: 'w10', intervalMs: 10_000, limit: 200 },
    ],
    orders: [{ name: 'o', intervalMs: 2_000, limit: 5 }],
  }
  const steps = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 400 }),
      class: fc.constantFrom(...CALL_CLASSES),
      account: fc.constantFrom('a', 'b', 'c'),
      weight: fc.integer({ min: 1, max: 10 }),
      isOrder: fc.boolean(),
      deadlineMs: fc.nat(100),
      abortAfterMs: fc.option(fc.integer({ min: 0, max: 2_000 }), { freq: 4 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(steps, async requests => {
      const clock = new SteppedClock()
      const governor = new Governor(limits, clock)
      const made: (GovernedCall & { readonly atMs: number })[] = []
      const used = (intervalMs: number, of: (each: GovernedCall) => number): number =>
        made.filter(each => each.atMs > clock.monotonic() - intervalMs).reduce((sum, each) => sum + of(each), 0)
      const note = (request: CallRequest): void => {
        made.push({ ...request, atMs: clock.monotonic() })
        const share = CLASS_SHARE_PCT[request.class] / 100
        for (const { intervalMs, limit } of limits.weight) assert.ok(used(intervalMs, each => each.weight) <= limit * share)
        if (!request.isOrder) return
        const orders = used(2_000, each => (each.isOrder && each.account === request.account ? 1 : 0))
        assert.ok(orders <= Math.max(1, 5 * share))
      }
      const ends: Promise<void>[] = []
      for (const { afterMs, abortAfterMs, ...request } of requests) {
        await clock.pass(afterMs)
        const abort = new AbortController()
        if (abortAfterMs !== null) void clock.sleep(abortAfterMs, NEVER).then(() => abort.abort(new Error('left')))
        const asked = governor.acquire(request, abort.signal).then(() => note(request))
        ends.push(asked.catch((error: Error) => assert.equal(error.message, 'left')))
      }
      await clock.pass(600_000)
      assert.equal(governor.waiting, 0)
      await Promise.all(ends)
    }),
    { numRuns: 200 },
  )
})
