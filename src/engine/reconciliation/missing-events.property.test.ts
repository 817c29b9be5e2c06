import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sumDecimals } from '../../core/money/decimal.ts'
import { ORDER_STATUSES, type OrderStatus } from '../../core/orders/order.ts'
import type { VenueOrder } from '../venue.ts'
import { missingEvents } from './missing-events.ts'
import {
  d,
  kinds,
  listing,
  ourSide,
  PERP,
  record,
  report,
  reports,
  SYMBOL,
  taken,
  venueFill,
  venueOrder,
  withFill,
} from './reconciliation.fixture.ts'
import { newMemory, type VenueReport } from './report.ts'

describe('property', () => {
  const tenths = (min: number, max: number) => fc.integer({ min, max }).map(n => d(n).shifted(-1))
  const ids = fc.constantFrom('ekA', 'ekB', 'ekC', 'ekD', 'ekE', 'X', 'Y')
  const anyRecord = fc
    .record({
      id: ids,
      status: fc.constantFrom(...ORDER_STATUSES),
      filled: tenths(1, 9),
      evidenceAtMs: fc.integer({ min: 999, max: 1_001 }),
    })
    .map(({ id, status, filled, evidenceAtMs }) => {
      const filledQuantity = status === 'filled' ? d(1) : status === 'part_filled' ? filled : d(0)
      return record(id, status, { evidenceAtMs, order: { filledQuantity } })
    })
  const anyOrder = fc
    .record({
      id: ids,
      status: fc.constantFrom<VenueOrder['status']>('open', 'open', 'filled', 'cancelled', 'expired', 'rejected'),
      executedQuantity: fc.option(tenths(0, 10)),
      updatedAtMs: fc.integer({ min: 999, max: 1_002 }),
    })
    .map(({ id, ...rest }) => venueOrder(id, rest))
  const anyFill = fc
    .record({ id: fc.integer({ min: 1, max: 9 }), of: ids, quantity: tenths(1, 5) })
    .map(({ id, of, quantity }) => venueFill(of, `${of}${id}`, quantity.toString()))
  const section = <Row>(row: fc.Arbitrary<Row>) =>
    fc.option(fc.record({ rows: fc.array(row, { maxLength: 6 }), complete: fc.boolean() }))
  const anyBalance = fc.record({ currency: fc.constantFrom('SOL', 'USDT'), free: tenths(0, 5), locked: tenths(0, 2) })
  const anyPosition = fc.record({
    symbol: fc.constantFrom(PERP, 'ETH/USDT:USDT'),
    quantity: tenths(-5, 5),
    entryPrice: fc.constant(null),
  })
  const sections = fc.record({
    openOrders: section(anyOrder),
    history: section(anyOrder),
    fills: section(anyFill),
    balances: section(anyBalance),
    positions: section(anyPosition),
  })
  const sides = fc
    .record({
      records: fc.uniqueArray(anyRecord, { selector: each => each.clientOrderId, maxLength: 5 }),
      sol: tenths(0, 5),
      usdt: tenths(0, 5),
      perp: tenths(-5, 5),
    })
    .map(({ records, sol, usdt, perp }) =>
      ourSide(records, {
        positions: [
          { symbol: SYMBOL, quantity: sol, coin: 'SOL' },
          { symbol: PERP, quantity: perp, coin: null },
        ],
        balances: new Map([
          ['SOL', sol],
          ['USDT', usdt],
        ]),
      }),
    )

  test('the same report again owes nothing, taken or not', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const first = missingEvents(ours, report(1, parts), newMemory())
        assert.deepEqual(kinds(missingEvents(ours, report(1, parts), first.memory)), [])
        assert.deepEqual(kinds(missingEvents(taken(ours, first), report(1, parts), first.memory)), [])
      }),
      { numRuns: 500 },
    )
  })

  test('a second comparison owes no order anything, and after differences were told none owes anything at all', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const { events } = reports(ours, 9, parts)
        const aboutHoldings = (each: string): boolean => /^(drift|ghost|position_seen)/.test(each)
        assert.deepEqual(
          events
            .slice(1)
            .flat()
            .filter(each => !aboutHoldings(each)),
          [],
        )
        assert.deepEqual(events.slice(5).flat(), [])
      }),
      { numRuns: 500 },
    )
  })

  test('sections that failed or are unfinished take nothing away', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const unfinished = Object.fromEntries(
          Object.entries(parts).map(([name, each]) => [name, each && { ...each, complete: false }]),
        )
        const { events, probes } = reports(ours, 5, unfinished)
        assert.deepEqual(
          events.flat().filter(each => /^(drift|ghost|position_seen|missing)/.test(each)),
          [],
        )
        assert.deepEqual(
          probes.flat().filter(each => each.endsWith('missing')),
          [],
        )
      }),
      { numRuns: 500 },
    )
  })

  test('whatever was missed: truthful reports and look-ups bring our records to what the venue knows', () => {
    const truth = fc.record({
      fills: fc.array(tenths(1, 3), { maxLength: 3 }),
      ended: fc.option(fc.constantFrom<VenueOrder['status']>('cancelled', 'expired')),
      states: fc.boolean(),
      isThere: fc.boolean(),
      ours: fc.constantFrom<OrderStatus>('in_flight', 'unknown', 'open'),
      booked: fc.nat(3),
    })
    fc.assert(
      fc.property(fc.array(truth, { minLength: 1, maxLength: 5 }), fc.boolean(), (rows, hasHistory) => {
        const orders = rows.map((row, i) => {
          const id = `ek${i}`
          const fills = row.fills.map((quantity, n) => venueFill(id, `${id}-${n}`, quantity.toString()))
          const executed = sumDecimals(row.fills)
          const there = venueOrder(id, {
            status: row.ended ?? 'open',
            executedQuantity: row.states ? executed : null,
            updatedAtMs: 2_000,
          })
          const known = fills.slice(0, row.booked).reduce(withFill, record(id, row.ours))
          return {
            ...row,
            id,
            fills: row.isThere ? fills : [],
            there,
            executed,
            known: row.isThere ? known : record(id, row.ours),
          }
        })
        const present = orders.filter(each => each.isThere)
        const booked = orders.flatMap(each => each.fills.slice(0, each.booked).map(fill => `${SYMBOL}|${fill.venueFillId}`))
        let ours = ourSide(
          orders.map(each => each.known),
          { booked: new Set(booked) },
        )
        let memory = newMemory()
        let lookedUp: VenueReport['lookedUp'] = []
        for (let id = 1; id <= 5; id += 1) {
          const there = present.map(each => each.there)
          const parts: Partial<VenueReport> = {
            openOrders: listing(...there.filter(each => each.status === 'open')),
            history: hasHistory ? listing(...there) : null,
            fills: listing(...present.flatMap(each => each.fills)),
            lookedUp,
          }
          const outcome = missingEvents(ours, report(id, parts), memory)
          ours = taken(ours, outcome)
          memory = outcome.memory
          lookedUp = outcome.probes.map(({ clientOrderId }) => ({
            clientOrderId,
            order: present.find(each => each.id === clientOrderId)?.there ?? null,
          }))
        }
        for (const { id, isThere, executed, ended, ours: before } of orders) {
          const { order } = ours.records.find(each => each.clientOrderId === id)!
          if (!isThere) {
            // Nothing but a proof of absence ends it.
            assert.equal(order.status, before === 'open' ? 'unknown' : before)
            continue
          }
          assert.equal(order.filledQuantity.toString(), executed.toString())
          // Not listed, without a fill: that is for the probes of what is in doubt.
          if (ended && executed.isZero() && !hasHistory && before !== 'open') assert.equal(order.status, before)
          else assert.equal(order.status, ended ?? (executed.isZero() ? 'open' : 'part_filled'))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('plain memory: it survives JSON', () => {
    fc.assert(
      fc.property(sides, sections, (ours, parts) => {
        const { memory } = missingEvents(ours, report(1, parts), newMemory())
        assert.deepEqual(JSON.parse(JSON.stringify(memory)), memory)
      }),
    )
  })
})
