// Why a deal ended otherwise than its simulation: the difference of the two net results, split into parts that add up to it exactly.
//
// Orders that both sides filled are compared one by one; what only one side filled is a missed or an extra decision. The parts, in the
// order in which they are taken out of the difference:
//
//   decisions       orders that only one side filled
//   quantity        the same orders, filled for more or less: at the simulated prices
//   entry latency   quantity x how far the price moved between the decision and the venue's acknowledgement
//   entry slippage  quantity x what the fill price differs beyond that
//   exit latency, exit slippage   the same of orders that leave the position
//   fees, funding   of all orders
//   path            the price an order waited for was another one, and what is left: rests booked at their cost, the last digit

import { type Decimal, ZERO } from '../money/decimal.ts'
import type { Side } from '../orders/order.ts'

/** What one order of a deal filled. */
export interface ParityLeg {
  /** Equal on both sides for the same decision, such as `avg|2`. */
  readonly key: string
  readonly role: 'entry' | 'exit'
  readonly side: Side
  /** Base currency: of a buy what arrived, a fee taken in coins already off. */
  readonly quantity: Decimal
  /** Quote: sum of price x quantity. */
  readonly value: Decimal
  /** The price it was decided to trade at (limit or trigger), where it had one. */
  readonly decidedPrice: Decimal | null
  /** How far the price moved from the decision to the acknowledgement, in quote per unit. */
  readonly move: Decimal
}

export interface ParitySide {
  readonly legs: readonly ParityLeg[]
  /** All in quote; `funding` is positive where it was received. */
  readonly netPnl: Decimal
  readonly fees: Decimal
  readonly funding: Decimal
}

/** In the order in which they are taken out of the difference. */
export const PARITY_PARTS = [
  'decisions',
  'quantity',
  'entryLatency',
  'entrySlippage',
  'exitLatency',
  'exitSlippage',
  'fees',
  'funding',
  'path',
] as const
export type ParityPart = (typeof PARITY_PARTS)[number]

export interface Attribution {
  /** net(live) - net(sim). */
  readonly difference: Decimal
  /** In quote; they add up to `difference` to the last digit. */
  readonly parts: Readonly<Record<ParityPart, Decimal>>
  /** Orders that only the simulation filled, and those that only the deal did: by key. */
  readonly missed: readonly string[]
  readonly extra: readonly string[]
}

/** Prices are quotients of what is exact: this many decimals, half-even. Their rounding cancels out between the parts. */
const PRICE_PLACES = 18

/** @throws RangeError where a side names an order twice. */
export function attribute(live: ParitySide, sim: ParitySide): Attribution {
  const simulated = byKey(sim.legs)
  const lived = byKey(live.legs)
  const missed = sim.legs.filter(leg => !lived.has(leg.key))
  const extra = live.legs.filter(leg => !simulated.has(leg.key))
  const pairs = live.legs.flatMap(leg => {
    const other = simulated.get(leg.key)
    return other ? [{ live: leg, sim: other }] : []
  })

  const parts: Record<ParityPart, Decimal> = {
    decisions: ZERO,
    quantity: ZERO,
    entryLatency: ZERO,
    entrySlippage: ZERO,
    exitLatency: ZERO,
    exitSlippage: ZERO,
    fees: sim.fees.minus(live.fees),
    funding: live.funding.minus(sim.funding),
    path: ZERO,
  }
  const add = (part: ParityPart, amount: Decimal): void => {
    parts[part] = parts[part].plus(amount)
  }

  for (const pair of pairs) {
    const { role, quantity } = pair.live
    const atSimPrice = valueAtPriceOf(pair.sim, quantity)
    add('quantity', signed(pair.live, atSimPrice.minus(pair.sim.value)))
    const latency = signed(pair.live, quantity.times(pair.live.move))
    const path = pathOf(pair.live, pair.sim)
    const ofPrice = signed(pair.live, pair.live.value.minus(atSimPrice))
    add(role === 'entry' ? 'entryLatency' : 'exitLatency', latency)
    add(role === 'entry' ? 'entrySlippage' : 'exitSlippage', ofPrice.minus(latency).minus(path))
    add('path', path)
  }

  // A position that some orders alone opened or closed is squared with the others at the price at which the simulation left: without
  // that the whole value of an order would count, and not what it gained or lost.
  let flow = ZERO
  for (const leg of missed) {
    add('decisions', signed(leg, leg.value).negated())
    flow = flow.minus(signed(leg, leg.quantity))
  }
  for (const leg of extra) {
    add('decisions', signed(leg, leg.value))
    flow = flow.plus(signed(leg, leg.quantity))
  }
  const squared = flow.isZero() ? ZERO : flow.times(leavingPrice(live, sim, new Set(missed.map(leg => leg.key))))
  add('decisions', squared.negated())
  add('quantity', squared)

  const difference = live.netPnl.minus(sim.netPnl)
  const known = PARITY_PARTS.reduce((sum, part) => sum.plus(parts[part]), ZERO)
  add('path', difference.minus(known))
  return { difference, parts, missed: missed.map(leg => leg.key), extra: extra.map(leg => leg.key) }
}

function byKey(legs: readonly ParityLeg[]): Map<string, ParityLeg> {
  const found = new Map<string, ParityLeg>()
  for (const leg of legs) {
    if (found.has(leg.key)) throw new RangeError(`order ${leg.key} is named twice on one side of a comparison`)
    found.set(leg.key, leg)
  }
  return found
}

/** Money that a leg brings: selling adds, buying takes. */
function signed(leg: ParityLeg, amount: Decimal): Decimal {
  return leg.side === 'sell' ? amount : amount.negated()
}

function valueAtPriceOf(leg: ParityLeg, quantity: Decimal): Decimal {
  return quantity.equals(leg.quantity) ? leg.value : quantity.times(priceOf(leg.value, leg.quantity))
}

function priceOf(value: Decimal, quantity: Decimal): Decimal {
  return quantity.isZero() ? ZERO : value.dividedBy(quantity, PRICE_PLACES, 'half_even')
}

function pathOf(live: ParityLeg, sim: ParityLeg): Decimal {
  if (!live.decidedPrice || !sim.decidedPrice) return ZERO
  return signed(live, live.quantity.times(live.decidedPrice.minus(sim.decidedPrice)))
}

/** Mean price at which the simulation left by orders that both have; else by any, else at which the deal itself left. */
function leavingPrice(live: ParitySide, sim: ParitySide, missed: ReadonlySet<string>): Decimal {
  const exits = sim.legs.filter(leg => leg.role === 'exit')
  const candidates = [exits.filter(leg => !missed.has(leg.key)), exits, live.legs.filter(leg => leg.role === 'exit')]
  for (const legs of candidates) {
    let quantity = ZERO
    let value = ZERO
    for (const leg of legs) {
      quantity = quantity.plus(leg.quantity)
      value = value.plus(leg.value)
    }
    if (quantity.isPositive()) return priceOf(value, quantity)
  }
  return ZERO
}

export interface ParityTotals {
  /** Deals that both sides traded by the same decisions. */
  readonly matched: number
  /** Deals of either side. */
  readonly union: number
  /** Sum of |difference|, in quote. */
  readonly deviation: Decimal
  /** That sum in basis points of what entering cost; null where nothing was entered. Rounded to 4 decimals, half-even. */
  readonly deviationBps: Decimal | null
}

export interface ComparedDeal {
  readonly isMatched: boolean
  readonly difference: Decimal
  /** Quote paid on entering (of the deal; of its simulation where only that entered). */
  readonly entryValue: Decimal
}

export function parityTotals(deals: Iterable<ComparedDeal>): ParityTotals {
  let matched = 0
  let union = 0
  let deviation = ZERO
  let entered = ZERO
  for (const deal of deals) {
    union += 1
    if (deal.isMatched) matched += 1
    deviation = deviation.plus(deal.difference.abs())
    entered = entered.plus(deal.entryValue)
  }
  const deviationBps = entered.isPositive() ? deviation.shifted(4).dividedBy(entered, 4, 'half_even') : null
  return { matched, union, deviation, deviationBps }
}
