// The name under which a venue knows an order (execution.md 2.2). It follows from what the order is for, so that after a crash the same
// order has the same name: it can be asked for, and a second create of it is refused. 18 characters that every venue takes; a UUID for
// those that want one.

import { sha256Bytes } from '../hash/sha256.ts'
import type { Purpose } from './order.ts'

export interface ClientOrderKey {
  /** Raised when a backup is restored, so that ids of the lost time are not used again. */
  readonly epoch: number
  readonly botId: string
  /** The bot's own count of deals over all its paper and live runs, not the ordinal within the run. */
  readonly tradeSeq: number
  readonly purpose: Purpose
  /** Counts orders of one deal and purpose, from 1. */
  readonly sequence: number
}

export interface ClientOrderId {
  /** `ek` and 16 characters of Crockford's base32 in lower case. */
  readonly id: string
  readonly uuid: string
}

const PREFIX = 'ek'
const ID_BYTES = 10
const UUID_BYTES = 16
/** Crockford's alphabet: no i, l, o, u. */
const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz'

export function clientOrderId(key: ClientOrderKey): ClientOrderId {
  const hash = sha256Bytes(`ek1|${key.epoch}|${key.botId}|${key.tradeSeq}|${key.purpose}|${key.sequence}`)
  return { id: PREFIX + base32(hash.subarray(0, ID_BYTES)), uuid: uuidOf(hash.subarray(0, UUID_BYTES)) }
}

/** Five bits a character, most significant first; 10 bytes have no rest. */
function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += BASE32.charAt((held >>> bits) & 31)
    }
    held &= (1 << bits) - 1
  }
  return text
}

/** RFC 9562: version 8 (our own bits), variant 10. */
function uuidOf(bytes: Uint8Array): string {
  const own = Uint8Array.from(bytes)
  own[6] = (own[6]! & 0x0f) | 0x80
  own[8] = (own[8]! & 0x3f) | 0x80
  const hex = Array.from(own, byte => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
