// Patience after a venue's refusal: one second, doubling to a minute.

import type { Purpose } from '../../core/orders/order.ts'
import type { Backoff, Deal } from './dca-state.ts'

const FIRST_MS = 1000
const LONGEST_MS = 60_000

/** @param tries refusals in a row, from 1. */
export function backoffMs(tries: number): number {
  return tries > 6 ? LONGEST_MS : Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1))
}

/** Notes that the venue refused a sell of this purpose. */
export function noteSellRefused(deal: Deal, purpose: Purpose, atMs: number): Backoff {
  const tries = (deal.troubles.sells[purpose]?.tries ?? 0) + 1
  const backoff = { tries, untilMs: atMs + backoffMs(tries) }
  deal.troubles = { ...deal.troubles, sells: { ...deal.troubles.sells, [purpose]: backoff } }
  return backoff
}

/** Whether no sell of this purpose may go out yet. */
export function sellMustWait(deal: Deal, purpose: Purpose, atMs: number): boolean {
  const backoff = deal.troubles.sells[purpose]
  return backoff !== undefined && atMs < backoff.untilMs
}

/** The wait is over: what was refused so often stays known. */
export function endSellWait(deal: Deal, purpose: Purpose): void {
  const backoff = deal.troubles.sells[purpose]
  if (backoff) deal.troubles = { ...deal.troubles, sells: { ...deal.troubles.sells, [purpose]: { ...backoff, untilMs: 0 } } }
}

/** The venue has taken a sell of this purpose. */
export function forgetSellRefusals(deal: Deal, purpose: Purpose): void {
  if (deal.troubles.sells[purpose] === undefined) return
  const { [purpose]: _, ...rest } = deal.troubles.sells
  deal.troubles = { ...deal.troubles, sells: rest }
}
