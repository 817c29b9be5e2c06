// What must be so when the story is over: the journal gives the same state again, nothing is pending or in doubt, and comparing once
// more changes nothing.

import { type ReadsRecord, RecordedReads } from '../../core/conditions/recorded-reads.ts'
import { canonicalJson } from '../../core/hash/canonical-json.ts'
import { instrumentFromRules } from '../../core/market/instrument.ts'
import { Decimal } from '../../core/money/decimal.ts'
import { isLive, orderKeyText } from '../../core/orders/order.ts'
import type { EngineEvent } from '../../engine/machine.ts'
import type { BotTruth } from '../truth.ts'
import type { Invariant, LabFacts } from './invariant.ts'

export const replays: Invariant = {
  number: 19,
  name: 'the events of the journal, stepped again, give the same state and the same commands',
  watch(facts, broken) {
    return {
      ended() {
        for (const bot of facts.truth.bots.values()) if (bot.state) replay(facts, bot, broken)
      },
    }
  },
}

function replay({ openedWith, rulesAtStart }: LabFacts, bot: BotTruth, broken: (message: string) => void): void {
  const rules = new Map(rulesAtStart)
  let { machine } = openedWith(bot.botId, rules)
  let state = machine.initialState()
  for (const { seq, kind, payload } of bot.journal) {
    const { event, commands } = payload as { readonly event?: EngineEvent; readonly commands?: readonly unknown[] }
    if (!event) continue
    if (event.kind === 'instrument_changed') {
      rules.set(event.rules.symbol, instrumentFromRules(event.rules))
      machine = openedWith(bot.botId, new Map(rules)).machine
    }
    const result = machine.step(state, revived(event))
    state = result.state
    if (commands && canonicalJson(result.commands) !== canonicalJson(commands)) {
      broken(`bot ${bot.botId}: seq ${seq} (${kind}) gave other commands when it was stepped again`)
      return
    }
  }
  const again = canonicalJson(state)
  const was = canonicalJson(bot.state)
  if (again !== was) broken(`bot ${bot.botId}: its journal gives another state: ${firstDifference(was, again)}`)
}

/** What is written down as plain data becomes an event again. */
function revived(event: EngineEvent): EngineEvent {
  if (event.kind === 'candle_closed') return { ...event, reads: new RecordedReads(event.reads as unknown as ReadsRecord) }
  if (event.kind === 'timer_fired' || event.kind === 'end_of_data') {
    const prices = Object.entries(event.prices as unknown as Record<string, Decimal | string>)
    return { ...event, prices: new Map(prices.map(([symbol, price]) => [symbol, Decimal.from(price)])) }
  }
  return event
}

function firstDifference(was: string, again: string): string {
  let at = 0
  while (at < was.length && was[at] === again[at]) at += 1
  const from = Math.max(0, at - 60)
  return `...${was.slice(from, at + 80)}... was, ...${again.slice(from, at + 80)}... is`
}

const DRIFT_FOUND_MS = 11 * 60_000

/** Kinds of event that only a difference between records and venue gives, once nothing trades any more. */
const FOUND_KINDS: ReadonlySet<string> = new Set([
  'order_event',
  'fill_reported',
  'triggered',
  'orphan_adopted',
  'cancel_refused',
  'cancel_lost',
])

export const secondLookIsQuiet: Invariant = {
  number: 20,
  name: 'comparing again with nothing new finds nothing',
  watch({ truth, nowMs, stillFromMs, injectedAtMs }, broken) {
    // The price stands still, and every bot had a minute and more to finish what the last one began.
    const fromMs = stillFromMs + 100_000
    return {
      committed(_worker, commit) {
        if (nowMs() < fromMs) return
        for (const { botId, batch } of commit.bots) {
          const found = batch.journal.find(entry => FOUND_KINDS.has(entry.kind))
          if (found && !isActing(truth.bot(botId)))
            broken(`nothing has happened at the venue, and bot ${botId} is told ${JSON.stringify(found.payload).slice(0, 300)}`)
        }
        // Balances are read every five minutes, and a difference counts the second time.
        if (commit.transfers.length > 0 && nowMs() - injectedAtMs() > DRIFT_FOUND_MS)
          broken(`nothing has happened at the venue, and ${JSON.stringify(commit.transfers[0])} is booked`)
      },
    }
  },
}

/** A bot that goes on by itself - a timer, a new deal at a close - has a reason for new events. */
function isActing(bot: BotTruth): boolean {
  return bot.journal.slice(-12).some(({ payload }) => {
    const { commands } = payload as { readonly commands?: readonly unknown[] }
    return (commands?.length ?? 0) > 0
  })
}

export const comesToRest: Invariant = {
  number: 26,
  name: '15 minutes after the last fault nothing is in doubt or pending, and all is protected',
  watch({ truth, exchange, holder, statusOf, nowMs }, broken) {
    return {
      ended() {
        const worker = holder()
        const status = worker ? statusOf(worker) : null
        if (!status) broken('no worker runs the account')
        else if (status.stage !== 'ready') broken(`the account is still ${status.stage}`)
        else if (status.openDifferences > 0) broken(`${status.openDifferences} differences are still open`)
        else if (status.inDoubt.length > 0) broken(`order ${status.inDoubt[0]!.clientOrderId} is still in doubt`)
        for (const { intent, status: stands } of truth.intents.values()) {
          if (stands !== 'settled' && nowMs() - intent.createdAtMs > 60_000) broken(`intent ${intent.id} is still ${stands}`)
        }
        for (const bot of truth.bots.values()) {
          for (const order of truth.liveOrders(bot)) {
            const at = `${bot.botId} ${orderKeyText(order)}`
            const isOld = nowMs() - order.intendedAtMs > 60_000
            if (isOld && (order.status === 'unknown' || order.status === 'in_flight' || order.status === 'intended'))
              broken(`order ${at} is still ${order.status}`)
          }
          for (const deal of truth.openDeals(bot)) {
            if (deal.status === 'closing' && !deal.orders.some(isLive))
              broken(`deal ${bot.botId} ${deal.tradeSeq} is closing and nothing sells it`)
          }
        }
        const ours = new Set<string>()
        for (const bot of truth.bots.values()) {
          for (const order of truth.liveOrders(bot)) ours.add(`${bot.botId} ${orderKeyText(order)}`)
        }
        for (const order of exchange.openOrders()) {
          const owner = order.clientOrderId === null ? undefined : truth.owners.get(order.clientOrderId)
          if (owner && !truth.isLost(order.clientOrderId) && !ours.has(`${owner.botId} ${orderKeyText(owner.order)}`))
            broken(`order ${order.clientOrderId} works at the venue and ${owner.botId} does not count it as alive`)
        }
      },
    }
  },
}
