// What could wake a DCA bot, from its state alone: prices of its virtual exits and rungs, peaks it follows, times, and the truths of
// playbooks that would make it act. Resting orders wake it by themselves.

import type { CompiledPlaybook } from '../../core/conditions/compile.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import type { Watch } from '../watch.ts'
import { averagingClosed, awaitedRung, cooldownEndMs } from './averaging.ts'
import { sellMustWait } from './backoff.ts'
import { type DcaState, type Deal, NO_TROUBLES } from './dca-state.ts'
import type { DcaRules, DcaSetting } from './deal-context.ts'
import { minProfitPrice, openTargets, restartPrice, trailingPrices } from './exits.ts'
import { TIMED_OUT } from './orders.ts'
import { type PairPlaybooks, playbookState } from './playbooks.ts'
import { PROTECTION_LATE_MS, restingStop, targetsRest } from './protection.ts'
import { dealsCounted } from './start-deal.ts'

const EVERY_CLOSE: Watch = { kind: 'candle_close', symbol: null, instrumentId: null, timeframe: null }

export function dcaWatches(setting: DcaSetting, state: DcaState): Watch[] {
  if (state.ended || state.status === 'stopped' || state.status === 'starting') return []
  const rules = setting.rules(state.configVersion)
  const watches: Watch[] = []
  if (state.pausedUntilMs !== null) watches.push({ kind: 'time', id: 'pause', atMs: state.pausedUntilMs })
  for (const deal of state.deals) {
    if (deal.troubles !== NO_TROUBLES) watchTroubles(deal, watches)
    if (deal.status === 'open' || deal.status === 'pending') watchDeal(setting, state, deal, watches)
  }
  let everyClose = false
  for (const symbol of rules.config.pairs) {
    if (watchEntry(rules, state, symbol, watches)) everyClose = true
    if (watchGuards(rules, symbol)) everyClose = true
    const playbooks = rules.playbooks.get(symbol)
    if (playbooks?.requirement?.hasMemory || playbooks?.averaging?.hasMemory || playbooks?.closeBy?.hasMemory) everyClose = true
  }
  if (everyClose) watches.push(EVERY_CLOSE)
  return watches
}

/** @returns whether every decision instant must be looked at. */
function watchEntry(rules: DcaRules, state: DcaState, symbol: string, watches: Watch[]): boolean {
  const { config } = rules
  const pair = state.pairs[symbol]
  const playbook = rules.playbooks.get(symbol)?.entry ?? null
  const key = playbookKey(rules.version, symbol, 'entry')
  if (playbook && remembers(playbook)) return true
  // A running delay ends at the close where its signal does not stand, whatever else keeps the deal from starting.
  if (pair?.delayUntilMs != null) return true
  // A used signal must be seen turning false, deal or no deal.
  const armed = playbookState(pair?.entryPlaybook ?? null).rearm.armed
  const perSignal = playbook?.playbook.fireMode === 'per_signal' && config.entry.mode === 'conditional'
  if (playbook && perSignal && !armed) watches.push({ kind: 'condition', node: key, becomes: false })

  if (state.status !== 'running' || state.pausedBy.length > 0 || state.safety !== 'normal') return false
  if (config.stopAfterDeals !== null && dealsCounted(state) >= config.stopAfterDeals) return false
  const ofPair = state.deals.filter(deal => deal.symbol === symbol).length
  if (state.deals.length >= config.maxActiveDeals || ofPair >= config.maxDealsPerPair) return false
  const readyMs = (pair?.lastClosedAtMs ?? Number.NEGATIVE_INFINITY) + config.dealStart.cooldownSec * 1000
  if (state.nowMs < readyMs) {
    watches.push({ kind: 'close_at_or_after', atMs: readyMs })
    return false
  }
  if (pair?.restart || pair?.signalPending) return true
  if (config.entry.mode === 'signal') return pair?.signalPending === true
  if (config.entry.mode === 'immediate' || !playbook) return true
  if (perSignal && !armed) return false
  watches.push({ kind: 'condition', node: key, becomes: true })
  return false
}

function watchGuards(rules: DcaRules, symbol: string): boolean {
  const playbooks = rules.playbooks.get(symbol)
  if (!playbooks) return false
  // Over a hole in the data a bar of the regime ends at no decision instant of its own: the next one sees it, whichever that is.
  return playbooks.regime !== null || playbooks.breaker !== null
}

/** Waits after refusals and lost cancels, and the time a stop may take to be acknowledged. */
function watchTroubles(deal: Deal, watches: Watch[]): void {
  const { sells, cancels, unprotectedSinceMs, isProtectionLate } = deal.troubles
  for (const [purpose, { untilMs }] of Object.entries(sells)) {
    if (untilMs > 0) watches.push({ kind: 'time', id: `${deal.tradeSeq}|again|${purpose}`, atMs: untilMs })
  }
  for (const [key, { untilMs }] of Object.entries(cancels)) {
    if (untilMs > 0) watches.push({ kind: 'time', id: `${deal.tradeSeq}|recancel|${key}`, atMs: untilMs })
  }
  if (unprotectedSinceMs !== null && !isProtectionLate) {
    watches.push({ kind: 'time', id: `${deal.tradeSeq}|protection`, atMs: unprotectedSinceMs + PROTECTION_LATE_MS })
  }
}

function watchDeal(setting: DcaSetting, state: DcaState, deal: Deal, watches: Watch[]): void {
  const rules = setting.rules(deal.configVersion)
  const { config } = rules
  const { symbol } = deal
  const id = (what: string): string => `${deal.tradeSeq}|${what}`
  for (const order of deal.orders) {
    if (order.expiresAtMs !== null && order.cancelState === 'none' && order.reason !== TIMED_OUT) {
      watches.push({ kind: 'time', id: id(`expire|${order.purpose}|${order.sequence}`), atMs: order.expiresAtMs })
    }
  }
  if (deal.status !== 'open' || !deal.lot.quantity.isPositive()) return
  const above = (what: string, price: Decimal, strict: boolean, isTarget: boolean): void => {
    watches.push({ kind: 'price_at_or_above', id: id(what), symbol, price, strict, isTarget })
  }
  const below = (what: string, price: Decimal, strict: boolean): void => {
    watches.push({ kind: 'price_at_or_below', id: id(what), symbol, price, strict, isTarget: false })
  }

  const { takeProfit, stopLoss, timeExit, closeBy } = config.exits
  // Where one price reaches several, the first of the list acts: stop, trailing, restart, targets (dca-bot.md 12).
  if (stopLoss && deal.stop) watchStop(setting, deal, stopLoss, id, above, below, watches)
  const trailing = trailingPrices(setting, deal)
  if (trailing) {
    if (trailing.stop) {
      below('trail', trailing.stop, false)
      if (deal.peak) watches.push({ kind: 'peak_above', id: id('peak'), symbol, price: deal.peak })
    } else {
      above('arm', trailing.activation, false, true)
    }
  }
  const restart = restartPrice(setting, deal)
  if (restart) above('restart', restart, true, true)
  if (takeProfit && !targetsRest(setting, config.exits) && !sellMustWait(deal, 'tp', state.nowMs)) {
    for (const target of openTargets(setting, deal)) above(`target|${target.index}`, target.price, true, true)
  }
  if (timeExit && deal.openedAtMs !== null) {
    const dueMs = deal.openedAtMs + timeExit.maxHoldSec * 1000
    if (!deal.timeExitDue) watches.push({ kind: 'time', id: id('time'), atMs: dueMs })
    else {
      const least = minProfitPrice(setting, deal, timeExit.minProfitPct, false)
      if (least) above('time', least, false, true)
    }
  }
  if (closeBy)
    watchCloses(rules, state, symbol, 'closeBy', rules.playbooks.get(symbol)?.closeBy ?? null, deal.closeByWaiting, watches)

  watchAveraging(setting, rules, state, deal, id, below, watches)
}

function watchStop(
  setting: DcaSetting,
  deal: Deal,
  stopLoss: { trailing: boolean; timeoutSec: number; placement: string },
  id: (what: string) => string,
  above: (what: string, price: Decimal, strict: boolean, isTarget: boolean) => void,
  below: (what: string, price: Decimal, strict: boolean) => void,
  watches: Watch[],
): void {
  const stop = deal.stop!
  if (stopLoss.trailing && deal.bestPrice)
    watches.push({ kind: 'peak_above', id: id('best'), symbol: deal.symbol, price: deal.bestPrice })
  if (restingStop(setting, deal)?.stopPrice?.equals(stop)) return
  if (stopLoss.timeoutSec === 0) {
    below('stop', stop, false)
  } else if (deal.stopBeyondSinceMs === null) {
    below('stop', stop, false)
  } else {
    above('stop-left', stop.plus(setting.instruments.get(deal.symbol)!.tick), false, false)
    watches.push({ kind: 'time', id: id('stop'), atMs: deal.stopBeyondSinceMs + stopLoss.timeoutSec * 1000 })
  }
}

/** A playbook that acts at every close while it is true: wake when it turns true, and each close while it waits for something else. */
function watchCloses(
  rules: DcaRules,
  _state: DcaState,
  symbol: string,
  use: PlaybookUse,
  playbook: CompiledPlaybook | null,
  waiting: boolean,
  watches: Watch[],
): void {
  if (!playbook) return
  if (waiting || remembers(playbook)) watches.push(EVERY_CLOSE)
  else watches.push({ kind: 'condition', node: playbookKey(rules.version, symbol, use), becomes: true })
}

function watchAveraging(
  setting: DcaSetting,
  rules: DcaRules,
  state: DcaState,
  deal: Deal,
  id: (what: string) => string,
  below: (what: string, price: Decimal, strict: boolean) => void,
  watches: Watch[],
): void {
  const { averaging } = rules.config
  if (!averaging) return
  const playbooks = rules.playbooks.get(deal.symbol)
  if (deal.averagingBlocked) watches.push(EVERY_CLOSE)
  if (averaging.requirePlaybook && playbooks?.requirement) {
    if (remembers(playbooks.requirement)) watches.push(EVERY_CLOSE)
    else {
      watches.push({
        kind: 'condition',
        node: playbookKey(rules.version, deal.symbol, 'requirement'),
        becomes: state.pairs[deal.symbol]?.requireTrue === true ? 'not_true' : true,
      })
    }
  }
  if (averaging.rule.type === 'condition' && playbooks?.averaging) {
    if (remembers(playbooks.averaging)) watches.push(EVERY_CLOSE)
    else if (!deal.averagingArmed)
      watches.push({ kind: 'condition', node: playbookKey(rules.version, deal.symbol, 'averaging'), becomes: false })
    else if (averagingClosed(setting, state, deal) === null) {
      watches.push({ kind: 'condition', node: playbookKey(rules.version, deal.symbol, 'averaging'), becomes: true })
    }
    return
  }
  const endMs = cooldownEndMs(setting, deal)
  if (state.nowMs < endMs) {
    watches.push({ kind: 'time', id: id('averaging-cooldown'), atMs: endMs })
    return
  }
  const rung = awaitedRung(setting, state, deal)
  if (rung?.price && !deal.averagingBlocked) below(`rung|${rung.k}`, rung.price, true)
}

/** Memory of earlier bars is kept by looking at every close. */
function remembers(playbook: CompiledPlaybook): boolean {
  return playbook.hasMemory
}

export type PlaybookUse = 'entry' | 'requirement' | 'averaging' | 'closeBy'

export function playbookKey(version: number, symbol: string, use: PlaybookUse): string {
  return `${version}|${symbol}|${use}`
}

export function playbookOf(setting: DcaSetting, key: string): CompiledPlaybook | null {
  const [version, symbol, use] = key.split('|') as [string, string, keyof PairPlaybooks]
  const playbook = setting.rules(Number(version)).playbooks.get(symbol)?.[use]
  return (playbook as CompiledPlaybook | null | undefined) ?? null
}
