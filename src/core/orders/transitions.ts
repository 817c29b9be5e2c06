// The life of an order as one table (execution.md 2.1). Rows are where it stands, columns what has been learnt. An outcome is a new
// status, 'same' (nothing changes), with an `anomaly` mark where the venue's word contradicts what we knew, or 'impossible': a
// mistake of ours that quarantines the bot while its protection stays.

import type { OrderStatus } from './order.ts'

export const ORDER_EVENTS = [
  'sent',
  'withdrawn',
  'lost_touch',
  'accepted',
  'rejected',
  'part_filled',
  'filled',
  'cancelled',
  'expired',
  'missing',
  'absent',
] as const
export type OrderEvent = (typeof ORDER_EVENTS)[number]

export type Transition =
  | { readonly kind: 'to'; readonly status: OrderStatus; readonly anomaly: boolean }
  | { readonly kind: 'same'; readonly anomaly: boolean }
  | { readonly kind: 'impossible' }

// One letter a status: I intended, F in_flight, U unknown, O open, P part_filled, D filled, C cancelled, R rejected, E expired;
// `.` no change; `!` anomaly; `x` impossible. `R/E`: rejected when never acknowledged, else expired.
const TABLE: Record<OrderStatus, string> = {
  //            sent wdrn lost acc  rej  part fill canc exp  miss abs
  intended: '   F    C    x    O!   R!   P!   D!   C!   E!   .    x',
  in_flight: '  x    x    U    O    R    P    D    C    E    .    x',
  unknown: '    x    x    .    O    R    P    D    C    E    .    R/E',
  open: '       x    x    .    .    R!   P    D    C    E    U    x',
  part_filled: 'x    x    .    .    C!   P    D    C    E    U    x',
  filled: '     x    x    .    .!   .!   D!   D!   .    .    .    x',
  cancelled: '  x    x    .    O!   .    C    D    .    .    .    x',
  rejected: '   x    x    .    O!   .    P!   D!   C!   E!   .    x',
  expired: '    x    x    .    O!   .    E    D    .    .    .    x',
}

const LETTERS: Record<string, OrderStatus> = {
  I: 'intended',
  F: 'in_flight',
  U: 'unknown',
  O: 'open',
  P: 'part_filled',
  D: 'filled',
  C: 'cancelled',
  R: 'rejected',
  E: 'expired',
}

function parseCell(cell: string): Transition {
  if (cell === 'x') return { kind: 'impossible' }
  const anomaly = cell.endsWith('!')
  const letter = anomaly ? cell.slice(0, -1) : cell
  if (letter === '.') return { kind: 'same', anomaly }
  const status = LETTERS[letter.charAt(0)]
  if (!status) throw new Error(`order table: unknown cell ${cell}`)
  return { kind: 'to', status, anomaly }
}

function parseRow(row: string): Record<OrderEvent, Transition> {
  const cells = row.trim().split(/\s+/)
  if (cells.length !== ORDER_EVENTS.length) throw new Error(`order table: ${cells.length} cells in row "${row}"`)
  return Object.fromEntries(ORDER_EVENTS.map((event, i) => [event, parseCell(cells[i]!)])) as Record<OrderEvent, Transition>
}

const PARSED = Object.fromEntries(Object.entries(TABLE).map(([status, row]) => [status, parseRow(row)])) as Record<
  OrderStatus,
  Record<OrderEvent, Transition>
>

const EXPIRED_GONE: Transition = { kind: 'to', status: 'expired', anomaly: false }

/**
 * @param acknowledged whether the venue ever confirmed the order: decides what a proven absence means (never arrived, or gone).
 */
export function transition(status: OrderStatus, event: OrderEvent, acknowledged = false): Transition {
  if (status === 'unknown' && event === 'absent' && acknowledged) return EXPIRED_GONE
  return PARSED[status][event]
}

export class ImpossibleTransitionError extends Error {
  constructor(what: string, status: OrderStatus, event: OrderEvent) {
    super(`order ${what}: "${event}" cannot happen to an order that is ${status}`)
    this.name = 'ImpossibleTransitionError'
  }
}
