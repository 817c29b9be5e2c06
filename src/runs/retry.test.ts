import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { VENUE_ERROR_CLASSES, VenueError, type VenueErrorClass } from '../engine/venue.ts'
import { SteppedClock } from './calls.fixture.ts'
import { Governor } from './governor.ts'
import {
  asVenueError,
  CREATE_RULES,
  callOnce,
  cancelVerdict,
  createVerdict,
  NO_TRIES,
  READ_RULES,
  type ReadDeps,
  readDelayMs,
  readPatiently,
  readStep,
} from './retry.ts'

const NEVER = new AbortController().signal

function refusal(errorClass: VenueErrorClass, retryAfterMs: number | null = null): VenueError {
  return new VenueError(errorClass, '-1', `it is ${errorClass}`, retryAfterMs)
}

describe('a create that failed', () => {
  const rows: [VenueErrorClass, string, string, readonly string[], readonly string[]][] = [
    ['refused', 'rejected', 'never', [], []],
    ['filter', 'rejected', 'once', ['refresh_rules'], ['refresh_rules']],
    ['rate_limited', 'rejected', 'after_wait', ['pause_calls'], ['pause_calls']],
    ['banned', 'rejected', 'after_wait', ['pause_calls', 'alarm'], ['pause_calls', 'alarm']],
    ['clock', 'rejected', 'once', ['resync_clock'], ['resync_clock', 'entries_off']],
    ['auth', 'rejected', 'never', ['entries_off', 'alarm'], ['entries_off', 'alarm']],
    ['maintenance', 'rejected', 'after_wait', ['probe_every_60s'], ['probe_every_60s']],
    ['duplicate', 'lost_touch', 'never', ['look_up'], ['look_up']],
    ['not_found', 'lost_touch', 'never', ['look_up'], ['look_up']],
    ['ambiguous', 'lost_touch', 'never', ['look_up'], ['look_up']],
  ]
  for (const [errorClass, event, again, followUps, repeated] of rows) {
    test(`${errorClass}: ${event}`, () => {
      const first = createVerdict(refusal(errorClass))
      assert.deepEqual([first.event, first.again, first.followUps], [event, again, followUps])
      const second = createVerdict(refusal(errorClass), true)
      assert.deepEqual([second.event, second.again, second.followUps], [event, again === 'once' ? 'never' : again, repeated])
    })
  }

  test('every class has its row', () => {
    assert.deepEqual(
      rows.map(([errorClass]) => errorClass),
      [...VENUE_ERROR_CLASSES],
    )
    assert.deepEqual(Object.keys(CREATE_RULES), [...VENUE_ERROR_CLASSES])
    assert.deepEqual(Object.keys(READ_RULES).sort(), [...VENUE_ERROR_CLASSES].sort())
  })

  test('how long is waited', () => {
    assert.equal(createVerdict(refusal('rate_limited', 7_000)).waitMs, 7_000)
    assert.equal(createVerdict(refusal('rate_limited')).waitMs, 60_000)
    assert.equal(createVerdict(refusal('maintenance')).waitMs, 60_000)
    assert.equal(createVerdict(refusal('refused', 7_000)).waitMs, null)
  })

  test('what is unmapped or unreadable is ambiguous, and says what was read', () => {
    const unmapped = new VenueError('moon' as VenueErrorClass, '7', 'strange')
    for (const error of [
      new Error('socket hang up'),
      new TypeError('x is not a function'),
      'gone',
      undefined,
      null,
      42,
      {},
      unmapped,
    ]) {
      assert.equal(createVerdict(error).event, 'lost_touch')
      assert.equal(cancelVerdict(error).event, 'cancel_lost')
      assert.equal(asVenueError(error).class, 'ambiguous')
    }
    assert.equal(createVerdict(new Error('socket hang up')).reason, 'UNREADABLE: socket hang up')
    assert.equal(createVerdict(refusal('refused')).reason, '-1: it is refused')
  })
})

test('a cancel that was answered with no is refused, any other is lost', () => {
  for (const errorClass of VENUE_ERROR_CLASSES) {
    assert.equal(cancelVerdict(refusal(errorClass)).event, errorClass === 'ambiguous' ? 'cancel_lost' : 'cancel_refused')
  }
})

describe('a read that failed', () => {
  test('the table', () => {
    assert.deepEqual(READ_RULES, {
      refused: 'stop',
      filter: 'stop',
      rate_limited: 'wait',
      banned: 'wait',
      clock: 'resync_once',
      auth: 'stop',
      maintenance: 'wait',
      duplicate: 'answer',
      not_found: 'answer',
      ambiguous: 'back_off',
    })
  })

  test('waits double, and are spread by a fifth to either side', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(failures => readDelayMs(failures, 0.5)),
      [500, 1_000, 2_000, 4_000, 8_000],
    )
    assert.equal(readDelayMs(1, 0), 400)
    assert.ok(Math.abs(readDelayMs(1, 0.999_999) - 600) < 0.01)
    assert.equal(readDelayMs(20, 0.5), 30_000)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, chance) => {
          const delay = readDelayMs(failures, chance)
          const middle = 500 * 2 ** (failures - 1)
          assert.ok(delay <= 30_000 && delay >= Math.min(30_000, middle * 0.8) && delay <= middle * 1.2)
        },
      ),
    )
  })

  test('the sixth ambiguous one leaves what was known stale', () => {
    let tries = NO_TRIES
    for (let failures = 1; failures < 6; failures += 1) {
      const step = readStep(new Error('reset'), tries, 0.5)
      assert.ok(step.kind === 'retry')
      tries = step.tries
    }
    assert.equal(readStep(new Error('reset'), tries, 0.5).kind, 'stale')
  })

  test('our time is measured once, then reading ends', () => {
    const first = readStep(refusal('clock'), NO_TRIES, 0.5)
    assert.ok(first.kind === 'retry' && first.resyncFirst && first.afterMs === 0)
    assert.equal(readStep(refusal('clock'), first.tries, 0.5).kind, 'stop')
  })

  test('limits and maintenance are waited out, and count as no failure', () => {
    for (const [error, afterMs] of [
      [refusal('rate_limited', 9_000), 9_000],
      [refusal('banned'), 60_000],
      [refusal('maintenance'), 60_000],
    ] as const) {
      assert.deepEqual(readStep(error, NO_TRIES, 0.5), { kind: 'retry', afterMs, resyncFirst: false, tries: NO_TRIES })
    }
  })
})

describe('one call', () => {
  test('its answer', async () => {
    const clock = new SteppedClock()
    assert.equal(await callOnce(async () => 7, 10_000, clock), 7)
    await clock.pass(0)
    assert.equal(clock.sleeping, 0)
  })

  test('its refusal, whole; what is not readable is ambiguous; a call that throws has failed', async () => {
    const clock = new SteppedClock()
    const error = refusal('filter')
    await assert.rejects(
      callOnce(() => Promise.reject(error), 10_000, clock),
      error,
    )
    const isAmbiguous = (thrown: VenueError): boolean => thrown.class === 'ambiguous' && thrown.code === 'UNREADABLE'
    await assert.rejects(
      callOnce(() => Promise.reject(new Error('reset')), 10_000, clock),
      isAmbiguous,
    )
    const throws = (): Promise<never> => {
      throw new TypeError('bad address')
    }
    await assert.rejects(callOnce(throws, 10_000, clock), isAmbiguous)
  })

  test('no answer in time is ambiguous; what comes later is told, once, and never asked for again', async () => {
    const clock = new SteppedClock()
    const late: number[] = []
    let calls = 0
    const call = async (): Promise<number> => {
      calls += 1
      await clock.sleep(12_000, NEVER)
      return 7
    }
    const outcome = callOnce(call, 10_000, clock, value => late.push(value)).catch((error: VenueError) => error)
    await clock.pass(9_999)
    assert.deepEqual(late, [])
    await clock.pass(1)
    const error = await outcome
    assert.ok(error instanceof VenueError)
    assert.deepEqual([error.class, error.code, error.message], ['ambiguous', 'TIMEOUT', 'no answer within 10 s'])
    await clock.pass(60_000)
    assert.deepEqual([late, calls], [[7], 1])
  })

  test('an error that comes later is nobody’s any more', async () => {
    const clock = new SteppedClock()
    const call = async (): Promise<number> => {
      await clock.sleep(12_000, NEVER)
      throw refusal('refused')
    }
    const outcome = callOnce(call, 10_000, clock, () => assert.fail('nothing came')).catch((error: VenueError) => error.code)
    await clock.pass(60_000)
    assert.equal(await outcome, 'TIMEOUT')
  })
})

describe('reading patiently', () => {
  function reader(answers: readonly (VenueError | Error | number)[], rest: Partial<ReadDeps> = {}) {
    const clock = new SteppedClock()
    const governor = new Governor({ weight: [{ name: 'w', intervalMs: 60_000, limit: 1_000 }], orders: [] }, clock)
    const times: number[] = []
    let resyncs = 0
    const call = async (): Promise<number> => {
      const answer = answers[times.length]
      times.push(clock.monotonic())
      if (typeof answer === 'number') return answer
      throw answer
    }
    const deps: ReadDeps = {
      clock,
      governor,
      account: 'a',
      callClass: 'P3',
      signal: NEVER,
      random: () => 0.5,
      resync: async () => {
        resyncs += 1
      },
      ...rest,
    }
    const outcome = readPatiently(call, deps).then(
      value => value,
      (error: Error) => error,
    )
    return { clock, governor, times, outcome, resyncs: () => resyncs }
  }
  const reset = new Error('reset')

  test('six tries, then the last error', async () => {
    const { clock, times, outcome } = reader([reset, reset, reset, reset, reset, reset, 7])
    await clock.pass(600_000)
    assert.ok((await outcome) instanceof VenueError)
    assert.deepEqual(times, [0, 500, 1_500, 3_500, 7_500, 15_500])
  })

  test('the first answer counts', async () => {
    const { clock, outcome, times } = reader([reset, reset, 7])
    await clock.pass(10_000)
    assert.deepEqual([await outcome, times.length], [7, 3])
  })

  test('a refusal for our time is asked again after it was measured, once', async () => {
    const again = reader([refusal('clock'), 7])
    await again.clock.pass(0)
    assert.deepEqual([await again.outcome, again.resyncs()], [7, 1])
    const twice = reader([refusal('clock'), refusal('clock'), 7])
    await twice.clock.pass(0)
    assert.equal(((await twice.outcome) as VenueError).class, 'clock')
  })

  test('a refusal for too many calls pauses all, and is waited out', async () => {
    const { clock, governor, outcome } = reader([refusal('rate_limited', 20_000), 7])
    await clock.pass(19_000)
    assert.equal(governor.admits({ class: 'P1', account: 'b', weight: 1, isOrder: false }), false)
    await clock.pass(2_000)
    assert.equal(await outcome, 7)
  })

  test('what cannot help is not repeated', async () => {
    for (const errorClass of ['auth', 'refused', 'filter', 'not_found'] as const) {
      const { clock, times, outcome } = reader([refusal(errorClass), 7])
      await clock.pass(600_000)
      assert.equal(((await outcome) as VenueError).class, errorClass)
      assert.equal(times.length, 1)
    }
  })

  test('whoever has a schedule of his own tries once and never waits', async () => {
    for (const error of [reset, refusal('maintenance'), refusal('rate_limited', 1_000), refusal('clock')]) {
      const { clock, times, outcome } = reader([error, 7], { tries: 1 })
      await clock.pass(0)
      assert.ok((await outcome) instanceof VenueError)
      assert.equal(times.length, 1)
    }
  })

  test('a stop ends the waiting', async () => {
    const stop = new AbortController()
    const { clock, outcome } = reader([refusal('maintenance'), 7], { signal: stop.signal })
    await clock.pass(1_000)
    stop.abort(new Error('stopped'))
    await clock.pass(0)
    assert.equal(((await outcome) as Error).message, 'stopped')
  })
})
