// What one deal began with, so that it can be simulated alone later: the state of its run right after the decision that opened it, without
// the deals and pairs beside it. Playbooks that look back, gains that scale amounts, money at hand, coins that earlier deals left behind and
// its exit may sell with its own: all of it is there, whatever came before.

import { splitSymbol } from '../core/market/instrument.ts'
import { type DcaState, reviveState } from '../engine/dca/dca-state.ts'

/** Null where the decision came to nothing, such as an order the venue's rules refuse. */
export function dealStart(state: DcaState, tradeSeq: number): DcaState | null {
  const deal = state.deals.find(each => each.tradeSeq === tradeSeq)
  const pair = deal ? state.pairs[deal.symbol] : undefined
  if (!deal || !pair) return null
  const { base } = splitSymbol(deal.symbol)!
  const dust = state.dust[base]
  return { ...state, deals: [deal], pairs: { [deal.symbol]: pair }, dust: dust ? { [base]: dust } : {} }
}

/** @throws where the JSON is not of this engine's version. */
export function reviveDealStart(json: unknown): DcaState {
  const state = reviveState(json)
  if (state.deals.length !== 1) throw new Error(`the start of a deal names ${state.deals.length} deals`)
  return state
}
