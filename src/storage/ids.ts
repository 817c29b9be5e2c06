// Ids that follow from what they name, so that writing the same fact twice meets a unique key instead of making a second fact.

import { hash } from 'node:crypto'

/** 16 bytes as UUID of version 8 (our own layout), variant 10. */
function uuidOf(bytes: Buffer): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** UUID from parts; equal parts, equal id. */
export function derivedUuid(...parts: readonly (string | number)[]): string {
  return uuidOf(sha256(parts.join('|')).subarray(0, 16))
}

export function tradeIdOf(runId: string, tradeSeq: number, partialExit: number | null): string {
  return derivedUuid('trade', runId, tradeSeq, partialExit ?? '')
}

/** @param orderKey text of the order's key, `<tradeSeq>|<purpose>|<sequence>`. */
export function orderIdOf(runId: string, orderKey: string): string {
  return derivedUuid('order', runId, orderKey)
}

export function fillIdOf(runId: string, orderKey: string, fillId: string): string {
  return derivedUuid('fill', runId, orderKey, fillId)
}

export function transferIdOf(runId: string, cause: string): string {
  return `lt_${hash('sha256', `transfer|${runId}|${cause}`).slice(0, 32)}`
}

export function decisionIdOf(runId: string, seq: number): string {
  return `dec_${hash('sha256', `decision|${runId}|${seq}`).slice(0, 24)}`
}

export interface AccountName {
  readonly userId: string
  readonly mode: string
  readonly exchange: string
  readonly connectionId: string | null
  readonly botId: string | null
  readonly tradeId: string | null
  readonly currency: string
  readonly kind: string
}

export function accountIdOf(name: AccountName): string {
  const { userId, mode, exchange, connectionId, botId, tradeId, currency, kind } = name
  return derivedUuid('account', userId, mode, exchange, connectionId ?? '', botId ?? '', tradeId ?? '', currency, kind)
}
