import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ORDER_STATUSES, type OrderStatus } from './order.ts'
import { ImpossibleTransitionError, ORDER_EVENTS, type OrderEvent, type Transition, transition } from './transitions.ts'

// Execution, section 2.1, as it is written there. One letter a status: I intended, F in_flight, U unknown, O open, P part_filled,
// D filled, C cancelled, R rejected, E expired; `.` no change, `!` anomaly, `x` our mistake. `R/E`: R when it was never acknowledged.
const SPEC = `
|state|sent|withdrawn|lost_touch|accepted|rejected|part_filled|filled|cancelled|expired|missing|absent|
|-|-|-|-|-|-|-|-|-|-|-|-|
|I|F|C|x|O!|R!|P!|D!|C!|E!|.|x|
|F|x|x|U|O|R|P|D|C|E|.|x|
|U|x|x|.|O|R|P|D|C|E|.|R/E|
|O|x|x|.|.|R!|P|D|C|E|U|x|
|P|x|x|.|.|C!|P|D|C|E|U|x|
|D|x|x|.|.!|.!|D!|D!|.|.|.|x|
|C|x|x|.|O!|.|C|D|.|.|.|x|
|R|x|x|.|O!|.|P!|D!|C!|E!|.|x|
|E|x|x|.|O!|.|E|D|.|.|.|x|`

const LETTERS: Readonly<Record<string, OrderStatus>> = {
  I: 'intended',
  F: 'in_flight',
  U: 'unknown',
  O: 'open',
  P: 'part_filled',
  D: 'filled',
  C: 'cancelled',
  R: 'rejected',
  E: 'expired',
}

function cellOf(move: Transition): string {
  if (move.kind === 'impossible') return 'x'
  const letter = move.kind === 'same' ? '.' : Object.keys(LETTERS).find(key => LETTERS[key] === move.status)!
  return `${letter}${move.anomaly ? '!' : ''}`
}

const rows = SPEC.trim()
  .split('\n')
  .map(line => line.split('|').slice(1, -1))
const events = rows[0]!.slice(1) as OrderEvent[]
const cells = rows
  .slice(2)
  .flatMap(([state, ...outcomes]) => outcomes.map((outcome, i) => ({ status: LETTERS[state!]!, event: events[i]!, outcome })))

describe('every status meets every event', () => {
  test('the table is whole: nine states, eleven events', () => {
    assert.equal(cells.length, 99)
    assert.deepEqual(events, [...ORDER_EVENTS])
    assert.deepEqual([...new Set(cells.map(cell => cell.status))], [...ORDER_STATUSES])
  })

  for (const { status, event, outcome } of cells) {
    test(`${status}, ${event}: ${outcome}`, () => {
      const [never, acknowledged] = outcome === 'R/E' ? ['R', 'E'] : [outcome, outcome]
      assert.equal(cellOf(transition(status, event, false)), never)
      assert.equal(cellOf(transition(status, event, true)), acknowledged)
    })
  }
})

test('worked example: touch is lost, fills come late', () => {
  // Quantity 1: sent, lost_touch, fill 0.4, cancelled, fill 0.1; then, instead of the last one, a fill of 0.5.
  const walk = (path: readonly OrderEvent[]): OrderStatus[] => {
    let status: OrderStatus = 'intended'
    return path.map(event => {
      const move = transition(status, event)
      assert.notEqual(move.kind, 'impossible')
      if (move.kind === 'to') status = move.status
      return status
    })
  }
  assert.deepEqual(walk(['sent', 'lost_touch', 'part_filled', 'cancelled', 'part_filled']), [
    'in_flight',
    'unknown',
    'part_filled',
    'cancelled',
    'cancelled',
  ])
  assert.equal(walk(['sent', 'lost_touch', 'part_filled', 'cancelled', 'filled']).at(-1), 'filled')
})

test('our own mistake names the order, what happened and where it stood', () => {
  assert.match(new ImpossibleTransitionError('1|base|1', 'filled', 'sent').message, /1\|base\|1.*"sent".*filled/)
})
