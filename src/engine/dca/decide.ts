// One decision instant of one pair (dca-bot.md 12): brake, regime, exits of its deals from the oldest, averaging, then a new deal,
// and the trace. A deal that exits is not averaged, and its pair opens nothing in that instant.

import { FALSE, NOT_EVALUABLE, TRUE } from '../../core/conditions/evaluate.ts'
import { consume, type PlaybookStep, rearm, tracePlaybook } from '../../core/conditions/step-playbook.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import type { DecisionOutcome } from '../commit-batch.ts'
import type { CandleClosedEvent } from '../machine.ts'
import { averagingClosed, cooldownEndMs, fireRung, isVirtualAveraging, nextRungs, refreshAveraging } from './averaging.ts'
import type { Deal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import { beginExit, minProfitPrice } from './exits.ts'
import { nextBreaker, nextRegime } from './guards.ts'
import { liveOrders } from './orders.ts'
import { enforcePauses } from './pauses.ts'
import { type PairPlaybooks, stepAt } from './playbooks.ts'
import { dealPreview, type GateResult, orderGates, standingGates, startDeal } from './start-deal.ts'

interface Outcome {
  outcome: DecisionOutcome
  reason: string
  gates: readonly GateResult[]
  trace: Record<string, unknown>
}

/** @param tracing whether operands are written down for the reader; the decision is the same without. */
export function decide(ctx: DealContext, event: CandleClosedEvent, tracing: boolean): void {
  const rules = ctx.currentRules()
  const playbooks = rules.playbooks.get(event.symbol)
  const pair = ctx.pair(event.symbol)
  pair.lastPrice = event.close
  if (event.afterGap) pair.gapUntilMs = event.atMs
  const result: Outcome = { outcome: 'held', reason: 'nothing to do', gates: [], trace: {} }

  if (playbooks) {
    remember(ctx, event, playbooks)
    guard(ctx, event, playbooks)
  }
  const deals = ctx.state.deals.filter(deal => deal.symbol === event.symbol).map(deal => deal.tradeSeq)
  let exited = false
  for (const tradeSeq of deals) {
    const deal = ctx.deal(tradeSeq)
    if (!deal) continue
    const own = ctx.rules(deal).playbooks.get(event.symbol)
    const before = deal.status
    if (own) exitAtClose(ctx, deal, own, event, result, tracing)
    if (before !== deal.status && before === 'open') exited = true
  }
  for (const tradeSeq of deals) {
    const deal = ctx.deal(tradeSeq)
    if (deal?.status !== 'open') continue
    const own = ctx.rules(deal).playbooks.get(event.symbol)
    if (own) averageAtClose(ctx, deal, own, event, result, tracing)
  }
  enter(ctx, event, playbooks ?? null, exited, result, tracing)
  ctx.decisions.push({
    seq: 0,
    symbol: event.symbol,
    timeframe: event.timeframe,
    barOpenMs: event.openTimeMs,
    decidedAtMs: event.atMs,
    outcome: result.outcome,
    reason: result.reason,
    trace: result.trace,
    gates: result.gates,
  })
}

/** Playbooks that look back at earlier bars see every bar, deal or no deal. */
function remember(ctx: DealContext, event: CandleClosedEvent, playbooks: PairPlaybooks): void {
  const { requirement, averaging, closeBy } = playbooks
  if (!requirement?.hasMemory && !averaging?.hasMemory && !closeBy?.hasMemory) return
  const pair = ctx.pair(event.symbol)
  if (requirement?.hasMemory)
    pair.requirePlaybook = stepAt(requirement, pair.requirePlaybook, event.reads, event.atMs)?.state ?? pair.requirePlaybook
  if (averaging?.hasMemory)
    pair.averagingPlaybook = stepAt(averaging, pair.averagingPlaybook, event.reads, event.atMs)?.state ?? pair.averagingPlaybook
  if (closeBy?.hasMemory)
    pair.closeByPlaybook = stepAt(closeBy, pair.closeByPlaybook, event.reads, event.atMs)?.state ?? pair.closeByPlaybook
}

/** Whether the gate of averaging orders is true at this close. */
function require(ctx: DealContext, event: CandleClosedEvent, playbooks: PairPlaybooks): PlaybookStep | null {
  if (!playbooks.requirement) return null
  const pair = ctx.pair(event.symbol)
  const step = stepAt(playbooks.requirement, pair.requirePlaybook, event.reads, event.atMs)
  pair.requireTrue = step?.met === TRUE
  if (step) pair.requirePlaybook = step.state
  return step
}

function guard(ctx: DealContext, event: CandleClosedEvent, playbooks: PairPlaybooks): void {
  const { config } = ctx.currentRules()
  const pair = ctx.pair(event.symbol)
  let changed = false
  if (config.emergencyBrake && playbooks.breaker) {
    const next = nextBreaker(config.emergencyBrake, playbooks.breaker, event.reads, pair.breaker, event.atMs)
    if (next.trippedAtMs !== pair.breaker.trippedAtMs) {
      changed = true
      const tripped = next.trippedAtMs !== null
      ctx.event(
        tripped ? 'BRAKE_TRIPPED' : 'BRAKE_RELEASED',
        `Circuit breaker of ${event.symbol} ${tripped ? 'tripped' : 'released'}`,
        {
          category: 'risk',
          severity: tripped ? 'warning' : 'info',
          symbol: event.symbol,
        },
      )
      if (tripped && config.emergencyBrake.action === 'pause_and_close') {
        pair.breaker = next
        for (const { tradeSeq } of ctx.state.deals.filter(deal => deal.symbol === event.symbol)) {
          const deal = ctx.deal(tradeSeq)
          if (deal) beginExit(ctx, deal, 'brake', 'exit', event.close)
        }
      }
    }
    pair.breaker = next
  }
  if (config.regime && playbooks.regime) {
    const next = nextRegime(config.regime, playbooks.regime, event.reads, pair.regime)
    if ((next.pausedAtMs === null) !== (pair.regime.pausedAtMs === null)) {
      changed = true
      const paused = next.pausedAtMs !== null
      ctx.event(paused ? 'REGIME_PAUSED' : 'REGIME_RESUMED', `Market regime ${paused ? 'pauses' : 'frees'} ${event.symbol}`, {
        category: 'risk',
        symbol: event.symbol,
      })
    }
    pair.regime = next
  }
  if (changed) enforcePauses(ctx, event.symbol)
}

function exitAtClose(
  ctx: DealContext,
  deal: Deal,
  playbooks: PairPlaybooks,
  event: CandleClosedEvent,
  result: Outcome,
  tracing: boolean,
): void {
  const { exits } = ctx.rules(deal).config
  if (!exits.closeBy || !playbooks.closeBy || deal.status !== 'open') return
  const pair = ctx.pair(event.symbol)
  const step = stepAt(playbooks.closeBy, pair.closeByPlaybook, event.reads, event.atMs)
  if (!step) return
  pair.closeByPlaybook = step.state
  if (tracing) result.trace['closeBy'] = tracePlaybook(playbooks.closeBy, step, event.reads)
  deal.closeByWaiting = false
  if (step.met !== TRUE || !deal.lot.quantity.isPositive()) return
  const least = minProfitPrice(ctx.setting, deal, exits.closeBy.minProfitPct, exits.takeProfit?.from === 'base_order')
  if (least && event.close.lt(least)) {
    deal.closeByWaiting = true
    result.reason = `the exit playbook is true, but the price ${event.close} is below ${least} where the least profit is reached`
    return
  }
  beginExit(ctx, deal, 'playbook', 'exit', event.close)
  result.outcome = 'exited'
  result.reason = 'the exit playbook turned true'
}

function averageAtClose(
  ctx: DealContext,
  deal: Deal,
  playbooks: PairPlaybooks,
  event: CandleClosedEvent,
  result: Outcome,
  tracing: boolean,
): void {
  const { averaging } = ctx.rules(deal).config
  if (!averaging) return
  const pair = ctx.pair(event.symbol)
  if (averaging.requirePlaybook && playbooks.requirement) {
    const step = require(ctx, event, playbooks)
    if (tracing && step) result.trace['averagingRequirement'] = tracePlaybook(playbooks.requirement, step, event.reads)
  }
  if (averaging.rule.type === 'condition' && playbooks.averaging) {
    const step = stepAt(playbooks.averaging, pair.averagingPlaybook, event.reads, event.atMs)
    if (!step) return
    pair.averagingPlaybook = step.state
    if (tracing) result.trace['averaging'] = tracePlaybook(playbooks.averaging, step, event.reads)
    if (step.met === FALSE) deal.averagingArmed = true
    const ready = step.met === TRUE && deal.averagingArmed && averagingClosed(ctx.setting, ctx.state, deal) === null
    if (!ready || ctx.state.nowMs < cooldownEndMs(ctx.setting, deal) || (averaging.requirePlaybook && !pair.requireTrue)) return
    if (averaging.waitForPrevious && liveOrders(deal, 'avg').length > 0) return
    fireNext(ctx, deal, event.close, result, 'the averaging playbook is true')
    if (liveOrders(deal, 'avg').length > 0) deal.averagingArmed = false
    return
  }
  if (deal.averagingBlocked && !isVirtualAveraging(ctx.setting, deal)) {
    refreshAveraging(ctx, deal)
    if (deal.averagingBlocked && result.reason === 'nothing to do')
      result.reason = 'an averaging order waits for money or a free place'
    return
  }
  if (deal.averagingBlocked && isVirtualAveraging(ctx.setting, deal) && averagingClosed(ctx.setting, ctx.state, deal) === null) {
    const [rung] = nextRungs(ctx.setting, deal, 1)
    if (!rung?.price || event.close.gt(rung.price)) {
      deal.averagingBlocked = false
      return
    }
    fireNext(ctx, deal, event.close, result, `the price ${event.close} is at or below ${rung.price}`)
  }
}

function fireNext(ctx: DealContext, deal: Deal, price: Decimal, result: Outcome, because: string): void {
  const [rung] = nextRungs(ctx.setting, deal, 1)
  if (!rung) return
  const refused = fireRung(ctx, deal, rung, price)
  result.outcome = refused ? 'blocked' : 'averaged'
  result.reason = refused ?? `averaging order ${rung.k}: ${because}`
}

function enter(
  ctx: DealContext,
  event: CandleClosedEvent,
  playbooks: PairPlaybooks | null,
  exited: boolean,
  result: Outcome,
  tracing: boolean,
): void {
  const { config } = ctx.currentRules()
  const { symbol } = event
  const pair = ctx.pair(symbol)
  const signal = entrySignal(ctx, event, playbooks, result, tracing)
  const overridesRegime = config.regime?.allowEntryOverride === true && config.entry.mode !== 'immediate' && signal.met
  const gates: GateResult[] = standingGates(ctx, symbol, overridesRegime)
  const listed = config.pairs.includes(symbol)
  gates.unshift({
    gate: 'pair_listed',
    ok: listed && !exited,
    detail: listed ? (exited ? 'a deal just left here' : 'listed') : 'close only',
  })
  gates.push({ gate: 'signal', ok: signal.ok, detail: signal.detail })

  if (gates.every(gate => gate.ok) && config.dealStart.delaySec > 0) {
    pair.delayUntilMs ??= event.atMs + config.dealStart.delaySec * 1000
    gates.push({
      gate: 'delay',
      ok: event.atMs >= pair.delayUntilMs,
      detail: `until ${new Date(pair.delayUntilMs).toISOString()}`,
    })
  } else if (!signal.ok) {
    pair.delayUntilMs = null
  }
  if (gates.every(gate => gate.ok)) {
    const prepared = dealPreview(ctx, symbol, event.close)
    gates.push(...orderGates(ctx, symbol, event.close, prepared.preview, event.reads))
    if (gates.every(gate => gate.ok)) {
      const logic = pair.signalPending
        ? 'signal'
        : pair.restart && config.entry.mode !== 'immediate'
          ? 'immediate'
          : config.entry.mode === 'conditional'
            ? 'playbook'
            : config.entry.mode
      const refusal = startDeal(ctx, symbol, event.close, prepared, logic)
      if (refusal) {
        result.outcome = 'blocked'
        result.reason = refusal
        result.gates = gates
        return
      }
      // the gate of its averaging orders as it stands now, not as an earlier deal left it
      if (playbooks) require(ctx, event, playbooks)
      signal.consume()
      pair.restart = false
      pair.delayUntilMs = null
      pair.signalPending = false
      result.outcome = 'entered'
      result.reason = `a deal started: ${signal.detail}`
    }
  }
  result.gates = gates
  const refused = gates.find(gate => !gate.ok)
  if (!refused || result.outcome === 'exited' || result.outcome === 'averaged') return
  const ownDeals = ctx.state.deals.some(deal => deal.symbol === symbol)
  if (refused.gate === 'signal') {
    result.outcome = signal.unknown ? 'not_evaluable' : 'no_signal'
    result.reason = signal.detail
  } else if (refused.gate === 'slots' && ownDeals) {
    result.outcome = 'held'
    if (result.reason === 'nothing to do') result.reason = 'a deal is open, none of its exits or averaging orders is due'
  } else {
    result.outcome = 'blocked'
    result.reason = `${refused.gate}: ${refused.detail}`
  }
}

interface EntrySignal {
  readonly ok: boolean
  /** The playbook itself is true. */
  readonly met: boolean
  readonly unknown: boolean
  readonly detail: string
  consume(): void
}

function entrySignal(
  ctx: DealContext,
  event: CandleClosedEvent,
  playbooks: PairPlaybooks | null,
  result: Outcome,
  tracing: boolean,
): EntrySignal {
  const { config } = ctx.currentRules()
  const pair = ctx.pair(event.symbol)
  const nothing = (): void => {}
  let met = config.entry.mode === 'immediate'
  let unknown = false
  let detail = met ? 'the bot starts deals at once' : ''
  let use = nothing
  if (playbooks?.entry) {
    const step = stepAt(playbooks.entry, pair.entryPlaybook, event.reads, event.atMs)
    if (step) {
      const armed = rearm(step.state, playbooks.entry.playbook.fireMode, step.met, step.barOpenMs)
      pair.entryPlaybook = armed.state
      if (tracing) result.trace['entry'] = tracePlaybook(playbooks.entry, step, event.reads)
      met = config.entry.mode === 'signal' ? step.met === TRUE : armed.signal
      unknown = step.met === NOT_EVALUABLE
      detail = met
        ? 'the entry playbook is true'
        : unknown
          ? 'the entry playbook cannot be evaluated yet'
          : step.met === TRUE
            ? 'the entry playbook is still true from the last deal: it must turn false first'
            : 'the entry playbook is false'
      use = () => {
        pair.entryPlaybook = consume(armed.state, step.barOpenMs)
      }
    } else {
      met = false
      unknown = true
      detail = 'no bar of the entry playbook has closed yet'
    }
  }
  if (pair.restart) return { ok: true, met, unknown, detail: 'restarted after its target: no playbook is asked', consume: use }
  if (pair.signalPending && config.entry.mode !== 'signal') {
    return { ok: true, met, unknown, detail: 'asked for by hand: no playbook is asked', consume: use }
  }
  if (config.entry.mode === 'signal') {
    const filtered = !playbooks?.entry || met
    return {
      ok: pair.signalPending && filtered,
      met,
      unknown,
      detail: pair.signalPending
        ? filtered
          ? 'a start signal came in'
          : `a start signal waits: ${detail}`
        : 'no start signal has come in',
      consume: use,
    }
  }
  return { ok: met, met, unknown, detail, consume: use }
}
