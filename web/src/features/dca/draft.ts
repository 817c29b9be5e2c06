// A config being written: loose JSON, exactly what is sent. Blocks that are switched off stay with `enabled: false`, so that
// switching one on again brings its numbers back.

import type { z } from 'zod'
import type { dcaConfigSchema } from '../../../../src/contract/dca-config-schema.ts'

/** What the API takes for a config. A draft is sent as one and refused where it is none. */
export type DcaConfigInput = z.input<typeof dcaConfigSchema>

/** Not yet checked: any key may be missing or wrong. */
export type Draft = Readonly<Record<string, unknown>>

export const PRESETS = [
  {
    id: 'conservative',
    label: 'Conservative',
    say: '6 orders, 2 % apart, target 1.5 %',
    orders: 6,
    step: '2',
    scale: '1.3',
    volume: '1.1',
    target: '1.5',
  },
  {
    id: 'moderate',
    label: 'Moderate',
    say: '5 orders, 1.5 % apart, target 2 %',
    orders: 5,
    step: '1.5',
    scale: '1.4',
    volume: '1.5',
    target: '2',
  },
  {
    id: 'aggressive',
    label: 'Aggressive',
    say: '8 orders, 1 % apart, target 1.2 %',
    orders: 8,
    step: '1',
    scale: '1.2',
    volume: '1.6',
    target: '1.2',
  },
] as const

export type PresetId = (typeof PRESETS)[number]['id']

/** The numbers of a preset over a draft: ladder, amounts and target; everything else stays. */
export function withPreset(draft: Draft, id: PresetId): Draft {
  const preset = PRESETS.find(one => one.id === id)
  if (!preset) return draft
  const averaging = asRecord(draft['averaging'])
  const exits = asRecord(draft['exits'])
  return {
    ...draft,
    averaging: {
      ...averaging,
      enabled: true,
      rule: { type: 'ladder', stepPct: preset.step, stepScale: preset.scale },
      volumeScale: preset.volume,
      maxOrders: preset.orders,
    },
    exits: {
      ...exits,
      takeProfit: { ...asRecord(exits['takeProfit']), enabled: true, targets: [{ profitPct: preset.target, sellPct: '100' }] },
    },
  }
}

export function newDraft(): Draft {
  return withPreset(
    {
      schemaVersion: 1,
      type: 'dca',
      name: 'New DCA bot',
      exchange: 'demo',
      pairs: ['BTC/USDT'],
      timeframe: '15m',
      maxActiveDeals: 1,
      baseOrder: { size: '100', sizeType: 'quote', orderType: 'market' },
      entry: { mode: 'immediate' },
      averaging: {
        enabled: true,
        rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' },
        amount: { type: 'base_pct', value: '100' },
        volumeScale: '1.5',
        maxOrders: 5,
        placement: 'resting',
        activeOrdersCount: 1,
      },
      exits: {
        profitBasis: 'net',
        takeProfit: { enabled: true, from: 'average', targets: [{ profitPct: '2', sellPct: '100' }] },
      },
    },
    'moderate',
  )
}

/** The first-minute bot: opens a deal at once and takes small profits, so that there is something to watch within a minute. */
export function demoDraft(): Draft {
  return {
    schemaVersion: 1,
    type: 'dca',
    name: 'My first demo bot',
    exchange: 'demo',
    pairs: ['BTC/USDT'],
    timeframe: '1m',
    maxActiveDeals: 1,
    baseOrder: { size: '200', sizeType: 'quote', orderType: 'market' },
    entry: { mode: 'immediate' },
    averaging: {
      enabled: true,
      rule: { type: 'ladder', stepPct: '0.4', stepScale: '1.3' },
      amount: { type: 'base_pct', value: '100' },
      volumeScale: '1.4',
      maxOrders: 4,
      placement: 'resting',
      activeOrdersCount: 4,
    },
    exits: {
      profitBasis: 'gross',
      takeProfit: { enabled: true, from: 'average', targets: [{ profitPct: '0.6', sellPct: '100' }] },
    },
  }
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** Whether a block is on: there, and not switched off. */
export function isOn(block: unknown): boolean {
  return block !== null && typeof block === 'object' && asRecord(block)['enabled'] !== false
}

/** What a block holds when it is switched on for the first time: the numbers the documents name as defaults. */
export const FRESH_BLOCKS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  dealStart: { delaySec: 0, cooldownSec: 300 },
  averaging: {
    rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' },
    amount: { type: 'base_pct', value: '100' },
    volumeScale: '1.5',
    maxOrders: 5,
  },
  'averaging.cooldown': { n: 3, unit: 'bars' },
  'averaging.stopOnLoss': { type: 'pct', value: '20' },
  'exits.takeProfit': { from: 'average', targets: [{ profitPct: '2', sellPct: '100' }] },
  'exits.trailing': { activationPct: '3', distancePct: '1' },
  'exits.takeProfitAndRestart': { targetPct: '30', capital: 'original', waitForSignal: false },
  'exits.stopLoss': { type: 'pct', value: '15', basis: 'average' },
  'exits.timeExit': { maxHoldSec: 2_592_000, minProfitPct: null },
  'exits.closeBy': { playbook: null, minProfitPct: '0.5' },
  regime: { timeframe: '1d', belowMa: true, maPeriod: 200, rsiBelow: '30', rsiPeriod: 14, consecutiveBars: 7 },
  emergencyBrake: { circuitBreaker: { enabled: true, dropPct: '10', windowMin: 5 }, action: 'pause' },
  'emergencyBrake.circuitBreaker': { dropPct: '10', windowMin: 5 },
  risk: { maxPositionQuote: '1000', maxDailyLossPct: '5' },
  sizing: { reinvestPct: '50', riskReductionPct: '50' },
}

/** A stored config as a draft: blocks that say nothing are off, so that the form shows them so. */
export function draftOf(config: unknown): Draft {
  const draft: Record<string, unknown> = { ...asRecord(config) }
  const risk = asRecord(draft['risk'])
  if (risk['maxPositionQuote'] == null && risk['maxDailyLossPct'] == null) draft['risk'] = null
  const sizing = asRecord(draft['sizing'])
  if (isNothing(sizing['reinvestPct']) && isNothing(sizing['riskReductionPct'])) draft['sizing'] = null
  const start = asRecord(draft['dealStart'])
  const bands = Object.keys(asRecord(start['priceBand'])).length
  if (
    isNothing(start['delaySec']) &&
    isNothing(start['cooldownSec']) &&
    bands === 0 &&
    start['minQuoteVolume24h'] == null &&
    start['maxSpreadPct'] == null
  )
    draft['dealStart'] = null
  const averaging = asRecord(draft['averaging'])
  if (isOn(draft['averaging']) && isNothing(asRecord(averaging['cooldown'])['n']))
    draft['averaging'] = { ...averaging, cooldown: null }
  return draft
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === 0 || value === '0'
}
