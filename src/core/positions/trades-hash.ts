// One number for all trades of a run (execution.md 1.8): two runs that traded alike to the last digit have the same tradesHash.

import { Sha256 } from '../hash/sha256.ts'
import type { Decimal } from '../money/decimal.ts'
import { type Fill, PURPOSES } from '../orders/order.ts'

export type HashedFill = Pick<
  Fill,
  'purpose' | 'sequence' | 'fillId' | 'atMs' | 'side' | 'price' | 'quantity' | 'fee' | 'feeAsset'
>

/** A closed trade with all its fills, in any order. */
export interface HashedTrade {
  readonly symbol: string
  readonly side: 'long' | 'short'
  readonly openedAtMs: number
  readonly closedAtMs: number
  readonly exitReason: string
  readonly netPnl: Decimal
  /** Breaks the tie of trades that opened at the same instant on the same symbol. */
  readonly tradeSeq: number
  readonly fills: readonly HashedFill[]
}

function compareFills(a: HashedFill, b: HashedFill): number {
  return (
    a.atMs - b.atMs ||
    PURPOSES.indexOf(a.purpose) - PURPOSES.indexOf(b.purpose) ||
    a.sequence - b.sequence ||
    (a.fillId < b.fillId ? -1 : a.fillId > b.fillId ? 1 : 0)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Lines `T|ordinal|..` and `F|..`, closed trades by (closedAtMs, ordinal); the ordinal counts by (openedAtMs, symbol). */
export function tradesHash(trades: readonly HashedTrade[]): string {
  const numbered = [...trades]
    .sort((a, b) => a.openedAtMs - b.openedAtMs || compareText(a.symbol, b.symbol) || a.tradeSeq - b.tradeSeq)
    .map((trade, i) => ({ trade, ordinal: i + 1 }))
    .sort((a, b) => a.trade.closedAtMs - b.trade.closedAtMs || a.ordinal - b.ordinal)
  const hash = new Sha256()
  for (const { trade, ordinal } of numbered) {
    hash.text(
      `T|${ordinal}|${trade.symbol}|${trade.side}|${trade.openedAtMs}|${trade.closedAtMs}|${trade.exitReason}|${trade.netPnl}\n`,
    )
    for (const fill of [...trade.fills].sort(compareFills)) {
      hash.text(
        `F|${fill.purpose}|${fill.sequence}|${fill.atMs}|${fill.side}|${fill.price}|${fill.quantity}|${fill.fee}|${fill.feeAsset}\n`,
      )
    }
  }
  return hash.hex()
}
