// Whose an order at the venue is when no record knows it: client order ids follow from what an order is for, so that the ones our bots
// could have given out can be computed and compared (execution.md 2.2).

import { type ClientOrderKey, clientOrderId } from '../../core/orders/client-order-id.ts'
import { PURPOSES } from '../../core/orders/order.ts'

export interface RecomputeScope {
  /** The present one and those before a restored backup. */
  readonly epochs: readonly number[]
  readonly bots: readonly {
    readonly botId: string
    /** Of the bot's own count of deals. */
    readonly fromTradeSeq: number
    readonly toTradeSeq: number
  }[]
  /** Orders of one deal and purpose that are considered. */
  readonly maxSequence: number
}

const OUR_ID = /^ek[0-9a-hjkmnp-tv-z]{16}$/
const OUR_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** @returns a look-up of keys by either form of id; the ids are computed when the first one that could be ours is asked for. */
export function recomputer(scope: RecomputeScope): (id: string) => ClientOrderKey | null {
  let known: Map<string, ClientOrderKey> | null = null
  return id => {
    if (!OUR_ID.test(id) && !OUR_UUID.test(id)) return null
    known ??= idsOf(scope)
    return known.get(id) ?? null
  }
}

function idsOf(scope: RecomputeScope): Map<string, ClientOrderKey> {
  const ids = new Map<string, ClientOrderKey>()
  for (const epoch of scope.epochs) {
    for (const { botId, fromTradeSeq, toTradeSeq } of scope.bots) {
      for (let tradeSeq = fromTradeSeq; tradeSeq <= toTradeSeq; tradeSeq += 1) {
        for (const purpose of PURPOSES) {
          for (let sequence = 1; sequence <= scope.maxSequence; sequence += 1) {
            const key: ClientOrderKey = { epoch, botId, tradeSeq, purpose, sequence }
            const { id, uuid } = clientOrderId(key)
            ids.set(id, key)
            ids.set(uuid, key)
          }
        }
      }
    }
  }
  return ids
}
