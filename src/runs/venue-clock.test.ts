import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SteppedClock } from './calls.fixture.ts'
import { bestSample, clockSample, VenueClock } from './venue-clock.ts'

const NEVER = new AbortController().signal
const MINUTE = 60_000

test('worked example: asked at 1000, answered at 1080, the server said 1540', () => {
  assert.deepEqual(clockSample(1_000, 1_080, 1_540), { offsetMs: 500, roundTripMs: 80 })
})

test('the quickest answer counts, whatever the others say', () => {
  assert.equal(bestSample([]), null)
  fc.assert(
    fc.property(fc.array(fc.record({ offsetMs: fc.integer(), roundTripMs: fc.nat() }), { minLength: 1 }), samples => {
      const best = bestSample(samples)!
      assert.ok(samples.every(each => each.roundTripMs >= best.roundTripMs))
    }),
  )
})

/** A venue whose clock leads by `leadMs`, with round trips of these lengths, all of them spent on the way back. */
function lab(roundTripsMs: readonly (number | Error)[], leadMs = 500) {
  const clock = new SteppedClock()
  const told: string[] = []
  const venueZero = clock.now() + leadMs
  let calls = 0
  const venue = {
    serverTime: async (): Promise<number> => {
      const trip = roundTripsMs[calls % roundTripsMs.length]!
      calls += 1
      if (trip instanceof Error) throw trip
      const server = venueZero + clock.monotonic()
      await clock.sleep(trip, NEVER)
      return server
    },
  }
  const venueClock = new VenueClock(venue, clock, {
    onJump: jumpMs => told.push(`jump ${jumpMs}`),
    onSync: sample => told.push(`sync ${sample.offsetMs} ${sample.roundTripMs}`),
    onFailure: message => told.push(`failure ${message}`),
  })
  return { clock, venueClock, told, calls: () => calls }
}

async function synced(world: ReturnType<typeof lab>, ms = 30_000): Promise<boolean> {
  const done = world.venueClock.sync()
  await world.clock.pass(ms)
  return done
}

describe('measuring', () => {
  test('five questions, the best round trip', async () => {
    const world = lab([200, 80, 20, 300, 150])
    assert.equal(world.venueClock.isTrusted(), false)
    assert.ok(await synced(world))
    assert.deepEqual([world.told, world.calls()], [['sync 490 20'], 5])
    assert.equal(world.venueClock.offsetMs, 490)
    assert.equal(world.venueClock.now(), world.clock.now() + 490)
    assert.ok(world.venueClock.isTrusted())
  })

  test('what failed is left out; if all fail, the old offset stays and entries wait', async () => {
    const world = lab([new Error('reset'), 40])
    assert.ok(await synced(world))
    assert.equal(world.venueClock.offsetMs, 480)
    const broken = lab([new Error('reset')])
    assert.equal(await synced(broken), false)
    assert.deepEqual([broken.told, broken.venueClock.isTrusted(), broken.venueClock.offsetMs], [['failure reset'], false, 0])
  })

  test('an answer that never comes fails in time', async () => {
    const world = lab([1e9])
    assert.equal(await synced(world), false)
    assert.deepEqual(world.told, ['failure no answer within 5 s'])
  })

  test('a time that is no number is no answer', async () => {
    const clock = new SteppedClock()
    const told: string[] = []
    const venue = { serverTime: async () => Number.NaN }
    const venueClock = new VenueClock(venue, clock, { onJump() {}, onSync() {}, onFailure: message => told.push(message) })
    assert.equal(await venueClock.sync(), false)
    assert.match(told[0]!, /not a number/)
  })

  test('who asks at the same time shares one measurement', async () => {
    const world = lab([10])
    const both = Promise.all([world.venueClock.sync(), world.venueClock.sync()])
    await world.clock.pass(1_000)
    assert.deepEqual([await both, world.calls()], [[true, true], 5])
  })
})

describe('a wall clock that is set', () => {
  for (const [jumpMs, isTrusted] of [
    [2_000, true],
    [-2_000, true],
    [2_001, false],
    [-2_001, false],
    [3_600_000, false],
  ] as const) {
    test(`by ${jumpMs} ms: entries ${isTrusted ? 'go on' : 'wait until it is measured again'}`, async () => {
      const world = lab([10])
      await synced(world)
      world.clock.jump(jumpMs)
      assert.equal(world.venueClock.isTrusted(), isTrusted)
      assert.equal(world.told.includes(`jump ${jumpMs}`), !isTrusted)
      assert.ok(await synced(world))
      assert.ok(world.venueClock.isTrusted())
      assert.equal(world.venueClock.offsetMs, 495 - jumpMs)
    })
  }

  test('the venue’s time goes on as if nothing had happened', async () => {
    const world = lab([10])
    await synced(world)
    const before = world.venueClock.now()
    world.clock.jump(-3_600_000)
    await world.clock.pass(1_000)
    assert.equal(world.venueClock.now(), before + 1_000)
    await synced(world, 1_000)
    assert.equal(world.venueClock.now(), before + 2_000)
  })

  test('in little steps that add up', async () => {
    const world = lab([10])
    await synced(world)
    for (let i = 0; i < 4; i += 1) {
      assert.ok(world.venueClock.isTrusted())
      world.clock.jump(600)
    }
    assert.equal(world.venueClock.isTrusted(), false)
  })

  test('while it is measured: that measurement does not count', async () => {
    const world = lab([1_000])
    const done = world.venueClock.sync()
    await world.clock.pass(2_500)
    world.clock.jump(10_000)
    await world.clock.pass(10_000)
    assert.equal(await done, false)
    assert.deepEqual(world.told, ['jump 10000'])
    assert.ok(await synced(world))
    assert.equal(world.venueClock.offsetMs, 500 - 500 - 10_000)
  })
})

describe('running', () => {
  test('every ten minutes, at once after a jump or a refusal, half a minute after a failure', async () => {
    const world = lab([10])
    const stop = new AbortController()
    const running = world.venueClock.run(stop.signal)
    await world.clock.pass(MINUTE)
    assert.equal(world.calls(), 5)
    await world.clock.pass(10 * MINUTE)
    assert.equal(world.calls(), 10)
    world.clock.jump(-5_000)
    await world.clock.pass(6_000)
    assert.deepEqual([world.calls(), world.venueClock.isTrusted()], [15, true])
    world.venueClock.distrust()
    assert.equal(world.venueClock.isTrusted(), false)
    await world.clock.pass(6_000)
    assert.deepEqual([world.calls(), world.venueClock.isTrusted()], [20, true])
    stop.abort()
    await running
    assert.equal(world.clock.sleeping, 0)
  })

  test('a venue that is away is asked again', async () => {
    const world = lab([...Array.from({ length: 10 }, () => new Error('away')), 10, 10, 10, 10, 10])
    const stop = new AbortController()
    const running = world.venueClock.run(stop.signal)
    await world.clock.pass(40_000)
    assert.deepEqual([world.calls(), world.venueClock.isTrusted()], [10, false])
    await world.clock.pass(30_000)
    assert.deepEqual([world.calls(), world.venueClock.isTrusted()], [15, true])
    stop.abort()
    await running
  })
})
