// The whole bot in plain words, the way one trader would tell another.

import { describePlaybook } from '../../../../src/core/conditions/sentence.ts'
import type { Averaging, DcaConfig, Exits } from '../../../../src/core/dca/config.ts'
import { duration } from '../../ui/format.ts'

function quoteOf(config: DcaConfig): string {
  return config.pairs[0]?.split('/')[1]?.split(':')[0] ?? 'quote'
}

function list(names: readonly string[], word: string): string {
  if (names.length <= 1) return names[0] ?? ''
  return `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1)}`
}

/** One sentence per part; parts that are off say nothing. */
export function describeBot(config: DcaConfig): string[] {
  return [
    startSentence(config),
    ...(config.averaging ? averagingSentences(config, config.averaging) : ['It buys only once per deal.']),
    ...exitSentences(config),
    ...guardSentences(config),
  ]
}

function startSentence(config: DcaConfig): string {
  const { baseOrder, entry, pairs } = config
  const quote = quoteOf(config)
  const base = pairs.length === 1 ? (pairs[0]?.split('/')[0] ?? 'coins') : 'coins'
  const size =
    baseOrder.sizeType === 'quote'
      ? `for ${baseOrder.size} ${quote}`
      : baseOrder.sizeType === 'base'
        ? `${baseOrder.size} ${base}`
        : `for ${baseOrder.size} % of its free balance`
  const type =
    baseOrder.orderType === 'market'
      ? 'at market'
      : baseOrder.limit?.mode === 'offset'
        ? `with a limit ${baseOrder.limit.offsetPct} % from the last price`
        : 'with a limit at its own price'
  const when =
    entry.mode === 'immediate'
      ? 'as soon as a slot is free'
      : entry.mode === 'signal'
        ? `on a signal${entry.playbook ? `, if ${describePlaybook(entry.playbook)}` : ''}`
        : `when ${entry.playbook ? describePlaybook(entry.playbook) : 'its conditions are met'}`
  const slots = config.maxActiveDeals === 1 ? '' : ` It holds up to ${config.maxActiveDeals} deals at once.`
  return `Buys ${list(pairs, 'or')} ${size} ${type}, ${when}.${slots}`
}

function averagingSentences(config: DcaConfig, averaging: Averaging): string[] {
  const quote = quoteOf(config)
  const { rule, amount } = averaging
  const orders = averaging.maxOrders === 1 ? 'once more' : `up to ${averaging.maxOrders} times more`
  const size =
    amount.type === 'base_pct'
      ? `${amount.value} % of the base order`
      : amount.type === 'fixed'
        ? `${amount.value} ${quote}`
        : `${amount.value} % of the free balance`
  const growth = averaging.volumeScale === '1' ? '' : `, each ${averaging.volumeScale} times the one before`
  const firstAmount = rule.type === 'levels' ? '' : `, ${averaging.volumeScale === '1' ? 'each' : 'first'} for ${size}${growth}`
  const when = (): string => {
    switch (rule.type) {
      case 'ladder':
        return rule.stepScale === '1'
          ? `at each fall of ${rule.stepPct} %`
          : `at falls that begin at ${rule.stepPct} % and widen by ${rule.stepScale} each step`
      case 'levels':
        return `at falls of ${list(
          rule.levels.filter(level => level.enabled).map(level => `${level.dropPct} %`),
          'and',
        )} with amounts of their own`
      case 'down_from_last':
        return `when the price is ${rule.value} % below the last buy`
      case 'down_from_average':
        return `when the price is ${rule.value} % below the average`
      case 'loss_pct':
        return `when the loss reaches ${rule.value} %`
      case 'loss_amount':
        return `when the loss reaches ${rule.value} ${quote}`
      case 'condition':
        return `when ${describePlaybook(rule.playbook)}`
    }
  }
  const gate = averaging.requirePlaybook ? `, but only while ${describePlaybook(averaging.requirePlaybook)}` : ''
  return [`Buys ${orders} ${when()}${firstAmount}${gate}.`]
}

function exitSentences(config: DcaConfig): string[] {
  const { exits } = config
  const quote = quoteOf(config)
  const says: string[] = []
  const basis = exits.profitBasis === 'net' ? ' after fees' : ''
  if (exits.takeProfit) says.push(targetSentence(exits.takeProfit, basis))
  if (exits.trailing)
    says.push(
      `From ${exits.trailing.activationPct} % profit on it follows the price and sells after a fall of ${exits.trailing.distancePct} %.`,
    )
  if (exits.takeProfitAndRestart)
    says.push(
      `At ${exits.takeProfitAndRestart.targetPct} % it sells all and starts again${exits.takeProfitAndRestart.capital === 'compounded' ? ' with the profit' : ''}.`,
    )
  if (exits.stopLoss) {
    const from = { average: 'the average price', base_order: 'the base order', last_entry: 'the last buy' }[exits.stopLoss.basis]
    const { type, value } = exits.stopLoss
    const where =
      type === 'pct'
        ? `${value} % below ${from}`
        : type === 'amount'
          ? `at a loss of ${value} ${quote}`
          : value
            ? `at a price of ${value}`
            : "at each pair's own price"
    const then = { close: '', close_and_pause: ', then pauses', close_and_stop: ', then stops' }[exits.stopLoss.action]
    says.push(`Sells at a loss ${where}${exits.stopLoss.trailing ? ', a stop that follows the price up' : ''}${then}.`)
  }
  if (exits.timeExit)
    says.push(
      `Closes after ${duration(exits.timeExit.maxHoldSec)}${exits.timeExit.minProfitPct === null ? '' : ` if the profit is at least ${exits.timeExit.minProfitPct} %`}.`,
    )
  if (exits.closeBy)
    says.push(
      `Closes when ${describePlaybook(exits.closeBy.playbook)}${exits.closeBy.minProfitPct === null ? '' : `, at a profit of at least ${exits.closeBy.minProfitPct} %`}.`,
    )
  return says
}

function targetSentence(target: NonNullable<Exits['takeProfit']>, basis: string): string {
  const from = target.from === 'average' ? 'the average price' : 'the base order'
  const [only] = target.targets
  if (target.targets.length === 1 && only)
    return `Sells ${only.sellPct === '100' ? 'all' : `${only.sellPct} %`} at ${only.profitPct} % above ${from}${basis}.`
  const parts = target.targets.map(one => `${one.sellPct} % at ${one.profitPct} %`)
  return `Sells ${list(parts, 'and')} above ${from}${basis}.`
}

function guardSentences(config: DcaConfig): string[] {
  const says: string[] = []
  const { dealStart, regime, emergencyBrake } = config
  const waits = [
    dealStart.delaySec > 0 ? `waits ${duration(dealStart.delaySec)} after a signal` : '',
    dealStart.cooldownSec > 0 ? `rests ${duration(dealStart.cooldownSec)} after a deal` : '',
  ].filter(text => text !== '')
  if (waits.length > 0) says.push(`It ${list(waits, 'and')}.`)
  if (regime) {
    const tests = [
      regime.belowMa ? `the price is below its ${regime.maPeriod}-bar average` : '',
      regime.rsiBelow === null ? '' : `RSI is below ${regime.rsiBelow}`,
    ].filter(text => text !== '')
    says.push(`Rests when ${list(tests, 'and')} for ${regime.consecutiveBars} bars of ${regime.timeframe}.`)
  }
  if (emergencyBrake?.circuitBreaker) {
    const then = emergencyBrake.action === 'pause' ? 'Stops buying' : 'Closes its deals and stops buying'
    says.push(
      `${then} when the price falls ${emergencyBrake.circuitBreaker.dropPct} % within ${emergencyBrake.circuitBreaker.windowMin} min.`,
    )
  }
  if (config.stopAfterDeals !== null) says.push(`Ends after ${config.stopAfterDeals} deals.`)
  return says
}
