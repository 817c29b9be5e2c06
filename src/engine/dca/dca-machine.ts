// The DCA bot as a machine: each event finds its one place here. What it means is in the files beside.

import { depositAndAllocate } from '../../core/ledger/postings.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import { isLive } from '../../core/orders/order.ts'
import type { OrderEvent } from '../../core/orders/transitions.ts'
import type { BotMachine, EngineEvent, RunSummary, StepResult } from '../machine.ts'
import type { Watch } from '../watch.ts'
import { awaitedRung, fireRung } from './averaging.ts'
import { cancelAgain, cancelEvent } from './cancels.ts'
import { type DcaState, type Deal, newPair, newState, reviveState } from './dca-state.ts'
import { type DcaSetting, DealContext } from './deal-context.ts'
import { decide } from './decide.ts'
import { beginExit, beginRelease, continueExit, minProfitPrice, refreshExits, sellTarget, stopReason } from './exits.ts'
import { bookFill, stopTriggered } from './fills.ts'
import { coinsMissing } from './ghosts.ts'
import { allPauses } from './guards.ts'
import { adoptOrphan } from './late.ts'
import { cancelLiveOrders, cancelOrder, findOrder, replaceOrder, TIMED_OUT } from './orders.ts'
import { enforcePauses } from './pauses.ts'
import { protectionIsLate } from './protection.ts'
import { noteDoubtAndProtection, orderEvent, reconciled, safetyChanged, sellAgain } from './venue-events.ts'
import { dcaWatches, playbookOf } from './watches.ts'

/**
 * @param tracing whether decisions carry the operands they were made of.
 * @param tellsEvents whether messages for people are made.
 */
export function createDcaMachine(
  setting: DcaSetting,
  configVersion: number,
  tracing: boolean,
  tellsEvents = true,
): BotMachine<DcaState> {
  return {
    initialState: () => newState(configVersion, setting.quote),
    step: (state, event) => step(setting, state, event, tracing, tellsEvents),
    watches: (state): Watch[] => dcaWatches(setting, state),
    revive: reviveState,
    summary: state => summary(setting, state),
    hasEnded: state => state.ended !== null,
    playbook: key => playbookOf(setting, key),
    liveOrders: state => state.deals.flatMap(deal => deal.orders.filter(isLive)),
  }
}

function summary(setting: DcaSetting, state: DcaState): RunSummary {
  const lots = state.deals
    .filter(deal => deal.lot.quantity.isPositive())
    .map(deal => ({ symbol: deal.symbol, quantity: deal.lot.quantity, basis: deal.lot.basis }))
  for (const [currency, dust] of Object.entries(state.dust)) {
    const instrument = [...setting.instruments.values()].find(each => each.base === currency)
    if (instrument && dust.quantity.isPositive())
      lots.push({ symbol: instrument.symbol, quantity: dust.quantity, basis: dust.basis })
  }
  return {
    status: state.status,
    pausedBy: allPauses(state),
    ended: state.ended,
    funds: [{ currency: state.quote, free: state.free, locked: state.reserved }],
    lots,
    closedTrades: state.closedTrades,
    realizedPnl: state.realizedPnl,
  }
}

function step(
  setting: DcaSetting,
  before: DcaState,
  event: EngineEvent,
  tracing: boolean,
  tellsEvents: boolean,
): StepResult<DcaState> {
  const ctx = new DealContext(setting, before, event.atMs, tellsEvents)
  switch (event.kind) {
    case 'run_started':
      startRun(ctx, event)
      break
    case 'config_applied':
      ctx.state.configVersion = event.version
      ctx.event('CONFIG_APPLIED', `Version ${event.version} holds for new deals`, { category: 'audit' })
      forgetRemovedGuards(ctx)
      enforcePauses(ctx)
      break
    case 'run_paused':
      if (!ctx.state.pausedBy.includes(event.reason)) ctx.state.pausedBy = [...ctx.state.pausedBy, event.reason]
      if (event.reason === 'user') ctx.state.status = ctx.state.status === 'running' ? 'paused' : ctx.state.status
      // Only a user's pause runs out by itself.
      if (event.reason === 'user') ctx.state.pausedUntilMs = event.untilMs
      ctx.event('BOT_PAUSED', `Paused by ${event.reason}`, { category: 'audit' })
      enforcePauses(ctx)
      break
    case 'run_resumed':
      // Started again before it was flat: the stop is taken back (platform.md 3). A pause that only runs out takes nothing back.
      if (event.reason === 'user' && ctx.state.status === 'stopping') ctx.state.status = 'running'
      resume(ctx, event.reason === 'user' ? ['user', 'protection'] : [event.reason])
      break
    case 'stop_requested':
      stop(ctx, event.openDeals)
      break
    case 'user_command':
      userCommand(ctx, event.command)
      break
    case 'candle_closed':
      if (event.isWarmup) ctx.pair(event.symbol).lastPrice = event.close
      else decide(ctx, event, tracing)
      break
    case 'price_touched':
      priceTouched(ctx, event.watch, event.price)
      break
    case 'timer_fired':
      notePrices(ctx, event.prices)
      timerFired(ctx, event.watch)
      break
    case 'order_event':
      orderEvent(ctx, event, deal => priceFor(ctx, deal))
      break
    case 'cancel_sent':
    case 'cancel_refused':
    case 'cancel_lost':
      cancelEvent(ctx, event)
      break
    case 'orphan_adopted':
      adoptOrphan(ctx, event.record)
      break
    case 'coins_missing':
      coinsMissing(ctx, event, deal => priceFor(ctx, deal))
      break
    case 'safety_changed':
      safetyChanged(ctx, event)
      break
    case 'reconciled':
      reconciled(ctx, event)
      break
    case 'triggered': {
      const deal = ctx.deal(event.order.tradeSeq)
      const order = deal ? findOrder(deal, event.order) : undefined
      if (deal && order) stopTriggered(ctx, deal, order)
      break
    }
    case 'fill_reported':
      bookFill(ctx, event.fill, event.record)
      break
    case 'end_of_data':
      notePrices(ctx, event.prices)
      endOfData(ctx)
      break
  }
  if (setting.answersLate || ctx.state.inDoubt.length > 0 || mayDoubt(event)) noteDoubtAndProtection(ctx)
  endWhenFlat(ctx)
  return ctx.result()
}

function mayDoubt(event: EngineEvent): boolean {
  return event.kind === 'orphan_adopted' || (event.kind === 'order_event' && DOUBTS.has(event.event))
}

const DOUBTS: ReadonlySet<OrderEvent> = new Set(['lost_touch', 'missing'])

function startRun(ctx: DealContext, event: Extract<EngineEvent, { kind: 'run_started' }>): void {
  const { state } = ctx
  const { initialBalance, nextBotTradeSeq } = event
  if (event.opensBooks) depositAndAllocate(ctx.transfers, state.quote, initialBalance)
  state.free = initialBalance
  state.initialBalance = initialBalance
  state.nextBotTradeSeq = nextBotTradeSeq
  state.status = 'running'
  for (const symbol of ctx.currentRules().config.pairs)
    state.pairs = { ...state.pairs, [symbol]: state.pairs[symbol] ?? newPair() }
  ctx.event('RUN_STARTED', `The run starts with ${initialBalance} ${state.quote}`, { category: 'system' })
}

function resume(ctx: DealContext, reasons: readonly string[]): void {
  ctx.state.pausedBy = ctx.state.pausedBy.filter(reason => !reasons.includes(reason))
  if (reasons.includes('user')) {
    ctx.state.pausedUntilMs = null
    releaseHeldBrakes(ctx)
  }
  if (ctx.state.status === 'paused' && !ctx.state.pausedBy.includes('user')) ctx.state.status = 'running'
  ctx.event('BOT_RESUMED', 'Resumed', { category: 'audit' })
  enforcePauses(ctx)
}

/** Where a tripped brake waits for the user, his resume is what it waits for. */
function releaseHeldBrakes(ctx: DealContext): void {
  if (ctx.currentRules().config.emergencyBrake?.recovery.auto !== false) return
  for (const symbol of Object.keys(ctx.state.pairs)) {
    if (ctx.readPair(symbol).breaker.trippedAtMs !== null)
      ctx.pair(symbol).breaker = { trippedAtMs: null, releasedAtMs: ctx.atMs }
  }
}

/** A guard that the new version does not have, or a pair it does not list, pauses nothing any more. */
function forgetRemovedGuards(ctx: DealContext): void {
  const { config } = ctx.currentRules()
  for (const symbol of Object.keys(ctx.state.pairs)) {
    const listed = config.pairs.includes(symbol)
    const { regime, breaker } = ctx.readPair(symbol)
    if (regime.pausedAtMs !== null && !(listed && config.regime)) ctx.pair(symbol).regime = { pausedAtMs: null, barMs: null }
    if (breaker.trippedAtMs !== null && !(listed && config.emergencyBrake?.circuitBreaker)) {
      ctx.pair(symbol).breaker = { trippedAtMs: null, releasedAtMs: ctx.atMs }
    }
  }
}

function stop(ctx: DealContext, openDeals: 'manage' | 'close' | 'release'): void {
  ctx.state.status = 'stopping'
  ctx.event('STOP_REQUESTED', `Stop was asked for; open deals: ${openDeals}`, { category: 'audit' })
  for (const { tradeSeq } of ctx.state.deals.slice()) {
    const deal = ctx.deal(tradeSeq)
    if (!deal) continue
    if (openDeals === 'close' || deal.status === 'pending') beginExit(ctx, deal, 'manual', 'close', priceFor(ctx, deal))
    else if (openDeals === 'release') beginRelease(ctx, deal, priceFor(ctx, deal))
  }
  enforcePauses(ctx)
}

function userCommand(ctx: DealContext, command: Extract<EngineEvent, { kind: 'user_command' }>['command']): void {
  if (command.type === 'close_deal') {
    const deal = ctx.deal(command.tradeSeq)
    if (deal) beginExit(ctx, deal, 'manual', 'close', priceFor(ctx, deal))
    return
  }
  if (command.type === 'start_deal') {
    ctx.pair(command.symbol).signalPending = true
    ctx.event('SIGNAL_RECEIVED', `Start of a deal on ${command.symbol} was asked for`, {
      category: 'audit',
      symbol: command.symbol,
    })
    return
  }
  if (!ctx.state.pausedBy.includes('user')) ctx.state.pausedBy = [...ctx.state.pausedBy, 'user']
  // A pause that was to run out by itself does so no more: only the user ends a panic.
  ctx.state.pausedUntilMs = null
  if (ctx.state.status === 'running') ctx.state.status = 'paused'
  ctx.event('PANIC', 'Panic: paused, all deals are closed', { category: 'risk', severity: 'critical' })
  for (const { tradeSeq } of ctx.state.deals.slice()) {
    const deal = ctx.deal(tradeSeq)
    if (deal) beginExit(ctx, deal, 'panic', 'panic', priceFor(ctx, deal))
  }
}

/** Slept closes leave the last known price behind: what the instant brings along is newer. */
function notePrices(ctx: DealContext, prices: ReadonlyMap<string, Decimal>): void {
  for (const [symbol, price] of prices) ctx.notePrice(symbol, price)
}

function priceFor(ctx: DealContext, deal: Deal): Decimal {
  return ctx.readPair(deal.symbol).lastPrice ?? deal.lastEntryPrice ?? deal.requiredCapital
}

function dealOf(ctx: DealContext, watch: string): { deal: Deal; what: string; rest: string[] } | null {
  const [tradeSeq, what, ...rest] = watch.split('|') as [string, string, ...string[]]
  const deal = ctx.deal(Number(tradeSeq))
  return deal ? { deal, what, rest } : null
}

function priceTouched(ctx: DealContext, watch: string, price: Decimal): void {
  const found = dealOf(ctx, watch)
  if (found?.deal.status !== 'open') return
  const { deal, what, rest } = found
  ctx.notePrice(deal.symbol, price)
  switch (what) {
    case 'target':
      sellTarget(ctx, deal, Number(rest[0]), price)
      break
    case 'arm':
      deal.trailingArmed = true
      deal.peak = price
      ctx.event('TRAILING_ARMED', `Trailing is armed at ${price}`, { symbol: deal.symbol, tradeSeq: deal.tradeSeq })
      break
    case 'peak':
      if (!deal.peak || price.gt(deal.peak)) deal.peak = price
      break
    case 'best':
      if (!deal.bestPrice || price.gt(deal.bestPrice)) deal.bestPrice = price
      refreshExits(ctx, deal, false)
      break
    case 'trail':
      beginExit(ctx, deal, 'trailing', 'trail', price)
      break
    case 'restart':
      beginExit(ctx, deal, 'restart', 'exit', price)
      break
    case 'stop': {
      const timeoutSec = ctx.rules(deal).config.exits.stopLoss?.timeoutSec ?? 0
      if (timeoutSec > 0) deal.stopBeyondSinceMs = ctx.atMs
      else beginExit(ctx, deal, stopReason(ctx, deal), 'sl', price)
      break
    }
    case 'stop-left':
      deal.stopBeyondSinceMs = null
      break
    case 'time':
      beginExit(ctx, deal, 'time', 'exit', price)
      break
    case 'rung': {
      const rung = awaitedRung(ctx.setting, ctx.state, deal)
      if (rung && rung.k === Number(rest[0])) fireRung(ctx, deal, rung, price)
      break
    }
  }
}

function timerFired(ctx: DealContext, watch: string): void {
  if (watch === 'pause') {
    resume(ctx, ['user'])
    return
  }
  const found = dealOf(ctx, watch)
  if (!found) return
  const { deal, what, rest } = found
  if (what === 'expire') {
    expireOrder(ctx, deal, rest[0]!, Number(rest[1]))
  } else if (what === 'again') {
    sellAgain(ctx, deal, rest[0]!, priceFor(ctx, deal))
  } else if (what === 'recancel') {
    cancelAgain(ctx, deal, rest[0]!, Number(rest[1]))
  } else if (what === 'protection') {
    protectionIsLate(ctx, deal)
  } else if (what === 'time' && deal.status === 'open') {
    deal.timeExitDue = true
    const least = minProfitPrice(ctx.setting, deal, ctx.rules(deal).config.exits.timeExit?.minProfitPct ?? null, false)
    if (!least) beginExit(ctx, deal, 'time', 'exit', priceFor(ctx, deal))
  } else if (what === 'stop' && deal.status === 'open' && deal.stopBeyondSinceMs !== null) {
    beginExit(ctx, deal, stopReason(ctx, deal), 'sl', priceFor(ctx, deal))
  }
}

/** An entry limit's time is up: what is left of it ends; whether the market takes its place is decided when it has ended. */
function expireOrder(ctx: DealContext, deal: Deal, purpose: string, sequence: number): void {
  const order = deal.orders.find(each => each.purpose === purpose && each.sequence === sequence)
  if (!order || !isLive(order)) return
  replaceOrder(ctx, deal, { ...order, reason: TIMED_OUT })
  cancelOrder(ctx, deal, order)
}

function endOfData(ctx: DealContext): void {
  ctx.state.status = 'stopping'
  for (const { tradeSeq } of ctx.state.deals.slice()) {
    const deal = ctx.deal(tradeSeq)
    if (!deal) continue
    if (deal.status === 'closing') {
      // It was leaving already, for its own reason: what still works for it would never be answered.
      cancelLiveOrders(ctx, deal)
      continueExit(ctx, deal, priceFor(ctx, deal))
    } else {
      beginExit(ctx, deal, 'end_of_data', 'exit', priceFor(ctx, deal))
    }
  }
}

function endWhenFlat(ctx: DealContext): void {
  const { state } = ctx
  const alive = state.deals.some(deal => deal.status === 'pending' || deal.status === 'open' || deal.status === 'closing')
  if (alive || state.ended) return
  const limit = ctx.currentRules().config.stopAfterDeals
  if (limit !== null && state.startedDeals >= limit) state.ended = 'completed'
  else if (state.status === 'stopping') state.ended = 'stopped'
  if (state.ended) {
    state.status = 'stopped'
    ctx.event(
      'RUN_ENDED',
      state.ended === 'completed' ? `Completed after ${state.startedDeals} deals` : 'Stopped, nothing is held',
      {
        category: 'system',
      },
    )
  }
}
