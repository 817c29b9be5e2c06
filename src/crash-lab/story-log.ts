// What happened in a story, line by line: for people, and as one hash that says whether two tellings are the same to the last bit.

import { createHash } from 'node:crypto'
import { orderKeyText } from '../core/orders/order.ts'
import type { AccountCommit } from '../engine/account-store.ts'
import type { EngineEvent } from '../engine/machine.ts'
import type { VenueCall } from './lying-venue.ts'

/** The last lines are kept for people. */
const KEPT_LINES = 4_000

export class StoryLog {
  readonly #sinceMs: () => number
  readonly #hash = createHash('sha256')
  readonly #lines: string[] = []

  constructor(sinceMs: () => number) {
    this.#sinceMs = sinceMs
  }

  add(line: string): void {
    const dated = `${(this.#sinceMs() / 1000).toFixed(3).padStart(9)} ${line}`
    this.#hash.update(dated)
    this.#lines.push(dated)
    if (this.#lines.length > 2 * KEPT_LINES) this.#lines.splice(0, KEPT_LINES)
  }

  call(worker: number, call: VenueCall): void {
    if (call.kind === 'place') {
      const { clientOrderId, side, quantity, type, limitPrice, stopPrice } = call.payload
      this.add(`w${worker} -> place ${clientOrderId} ${side} ${quantity} ${type} ${limitPrice ?? stopPrice ?? ''}`)
    } else if (call.kind === 'cancel' || call.kind === 'find') {
      this.add(`w${worker} -> ${call.kind} ${call.ref.clientOrderId}`)
    } else {
      this.add(`w${worker} -> ${call.kind}`)
    }
  }

  commit(worker: number, commit: AccountCommit): void {
    const parts: string[] = []
    for (const { botId, batch } of commit.bots) {
      const events = batch.journal.map(({ kind, payload }) => describe(kind, payload))
      const told = batch.events.map(event => event.type)
      parts.push(
        `${botId.slice(-4)} ${batch.firstSeq}-${batch.lastSeq} ${events.join(', ')}${told.length > 0 ? ` [${told.join(' ')}]` : ''}`,
      )
    }
    for (const { id } of commit.newIntents) parts.push(`+${id}`)
    for (const { id, status, lastError } of commit.intentChanges)
      parts.push(`${id}=${status}${lastError ? ` (${lastError})` : ''}`)
    for (const transfer of commit.transfers) parts.push(`${transfer.kind} ${transfer.amount} ${transfer.currency}`)
    for (const { symbol, cursor } of commit.cursors) parts.push(`cursor ${symbol} ${cursor}`)
    this.add(`w${worker} commit ${parts.join('; ')}`)
  }

  hash(): string {
    return this.#hash.copy().digest('hex')
  }

  /** The last of what happened. */
  lines(): readonly string[] {
    return this.#lines
  }
}

function describe(kind: string, payload: unknown): string {
  const event = (payload as { readonly event?: EngineEvent }).event
  switch (event?.kind) {
    case 'order_event':
      return `${orderKeyText(event.order)} ${event.event}${event.reason ? ` (${event.reason})` : ''}`
    case 'cancel_sent':
    case 'cancel_refused':
    case 'cancel_lost':
    case 'triggered':
      return `${orderKeyText(event.order)} ${kind}`
    case 'fill_reported':
      return `${orderKeyText(event.fill)} fill ${event.fill.fillId} ${event.fill.quantity}@${event.fill.price}`
    case 'price_touched':
      return `touched ${event.watch} at ${event.price}`
    case 'timer_fired':
      return `timer ${event.watch}`
    case 'safety_changed':
      return `safety ${event.level}`
    case 'reconciled':
      return `reconciled ${event.openDifferences}`
    case 'user_command':
      return `command ${event.command.type}`
    default:
      return kind
  }
}
