// What chance and distance do to an order on its way (execution.md 5.1): how long it and its cancel travel, whether the venue refuses
// it, and whether its first execution is cut in two. Each is drawn from the order's own name, so no other order changes it.

import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { OrderKey } from '../../core/orders/order.ts'
import { chance, latencyMs } from './chance.ts'

/** Milliseconds, drawn evenly from `minMs` up to and without `maxMs`; both the same: always that. */
export interface Latency {
  readonly minMs: number
  readonly maxMs: number
}

export const NO_LATENCY: Latency = { minMs: 0, maxMs: 0 }
/** Where a run is driven by quotes and trades and nothing else is said. */
export const TICK_LATENCY: Latency = { minMs: 50, maxMs: 200 }

const SHARE_PLACES = 6

function draw(seed: number, { tradeSeq, purpose, sequence }: OrderKey, label: string): number {
  return chance(seed, tradeSeq, purpose, sequence, label)
}

export function travelMs(latency: Latency, seed: number, key: OrderKey, label: 'ack' | 'cancel'): number {
  const { minMs, maxMs } = latency
  return maxMs === minMs ? minMs : latencyMs(draw(seed, key, label), minMs, maxMs)
}

export function isRefused(probability: number, seed: number, key: OrderKey): boolean {
  return probability > 0 && draw(seed, key, 'reject') < probability
}

/** The part of an order's first execution that comes at once, on the step and at least one of it; null where it is not cut. */
export function firstPart(probability: number, seed: number, key: OrderKey, quantity: Decimal, step: Decimal): Decimal | null {
  if (!(probability > 0)) return null
  const u = draw(seed, key, 'partial')
  if (u >= probability) return null
  const share = Decimal.ofUnits(Math.floor((u / probability) * 10 ** SHARE_PLACES), SHARE_PLACES)
  const part = quantity.times(share).toGrid(step, 'floor')
  const cut = part.equals(ZERO) ? step : part
  return cut.lt(quantity) ? cut : null
}
