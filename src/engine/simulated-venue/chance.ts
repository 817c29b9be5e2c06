// Chance of the simulated venue (execution.md 5.1): a pure function of what an event is about. It depends neither on the order in which
// calls are made nor on the bot's id, so a replay, another bot of the same config and a skipped candle all draw the same.

import { sha256Bytes } from '../../core/hash/sha256.ts'
import type { Purpose } from '../../core/orders/order.ts'

const TWO_32 = 2 ** 32
const TWO_53 = 2 ** 53

/**
 * First 8 bytes of SHA-256(`seed|tradeSeq|purpose|sequence|label`) / 2^64, in [0, 1).
 * @param tradeSeq the deal's ordinal within the run.
 * @param label what is drawn: `ack`, `cancel`, `reject`, `partial`.
 */
export function chance(seed: number | string, tradeSeq: number, purpose: Purpose, sequence: number, label: string): number {
  const bytes = sha256Bytes(`${seed}|${tradeSeq}|${purpose}|${sequence}|${label}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
  // 64 bits do not fit a float64; the topmost 53 keep the result below 1, where rounding all of them could reach it.
  const high = view.getUint32(0)
  const low = view.getUint32(4)
  return (high * (TWO_53 / TWO_32) + Math.floor(low / 2 ** 11)) / TWO_53
}

/** Milliseconds in [minMs, maxMs): floor(min + u x (max - min)); minMs where both are the same. */
export function latencyMs(u: number, minMs: number, maxMs: number): number {
  return Math.floor(minMs + u * (maxMs - minMs))
}
