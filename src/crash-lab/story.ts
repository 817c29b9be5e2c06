// A story: everything that happens to the platform from one seed - its bots, its market, the faults it suffers, when workers die and
// what people do. It is plain data, so that a part can be taken away and the rest be told again.

import { defaultRules, type InstrumentRules } from '../core/market/instrument.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import { Dice } from './dice.ts'
import { FAULT_NAMES, FAULTS, type FaultDose, type FaultGroup, type FaultName } from './faults.ts'
import type { KillMode } from './kills.ts'
import { LAB_SYMBOL, type LabBot } from './lab-bots.ts'
import { MARKET_KINDS, type MarketKind } from './market.ts'

export type StoryAction =
  | { readonly kind: 'start_deal'; readonly bot: number }
  | { readonly kind: 'close_deals'; readonly bot: number }
  | { readonly kind: 'panic'; readonly bot: number }
  | { readonly kind: 'edit'; readonly bot: number }
  | { readonly kind: 'safety'; readonly level: SafetyLevel }
  /** The worker stops as if its machine slept. */
  | { readonly kind: 'freeze'; readonly forMs: number }
  | { readonly kind: 'kill' }
  | { readonly kind: 'restart' }
  /** A second worker takes the account once the lease has run out. */
  | { readonly kind: 'second_worker' }
  | { readonly kind: 'backup' }
  | { readonly kind: 'restore' }
  | { readonly kind: 'foreign_order'; readonly side: 'buy' | 'sell'; readonly distancePct: number; readonly quantity: string }
  | { readonly kind: 'drift'; readonly currency: 'base' | 'quote'; readonly amount: string }
  | { readonly kind: 'delist'; readonly forMs: number }
  | { readonly kind: 'filters'; readonly tick: string; readonly step: string; readonly minNotional: string }
  | { readonly kind: 'fee_coin' }

export interface TimedAction {
  readonly afterMs: number
  readonly action: StoryAction
}

export interface Story {
  readonly seed: number
  readonly scenario: string
  readonly bots: readonly LabBot[]
  readonly instruments: readonly InstrumentRules[]
  readonly market: MarketKind
  readonly startPrice: number
  /** First faults, first kills; last faults; the price stands still; the end: ms behind the start. */
  readonly faultsFromMs: number
  readonly faultsToMs: number
  readonly stillFromMs: number
  readonly endMs: number
  readonly faults: readonly FaultDose[]
  readonly kills: KillMode
  readonly actions: readonly TimedAction[]
}

/** A minute before a Monday that is the first of a month and of a span of three days: every timeframe's bar closes a minute later. */
export const STORY_START_MS = Date.UTC(2024, 6, 1) - 60_000

const MINUTE = 60_000
/** Peace behind the last fault: 15 minutes, and one that the last restart may take. */
const PEACE_MS = 17 * MINUTE
const STILL_MS = 5 * MINUTE

export const SCENARIOS = [
  'calm',
  'mixed',
  'ladder_storm',
  'flash_crash',
  'restart_storm',
  'two_workers',
  'backup_restore',
  'foreign_orders',
  'edit_mid_trade',
  'kill_switch',
  ...FAULT_NAMES.map(name => `fault:${name}` as const),
] as const
export type Scenario = (typeof SCENARIOS)[number]

export function isScenario(name: string): name is Scenario {
  return SCENARIOS.some(each => each === name)
}

export interface StoryRequest {
  readonly seed: number
  /** Absent: drawn from the seed. */
  readonly scenario?: Scenario
  /** Faults of other groups are left out. */
  readonly groups?: readonly FaultGroup[]
  /** Overrides how workers die. */
  readonly kills?: KillMode
  /** The user's own bot instead of the laboratory's. */
  readonly own?: OwnBot
}

export interface OwnBot {
  readonly bot: LabBot
  readonly instruments: readonly InstrumentRules[]
  readonly startPrice: number
  /** Whether a deal must be asked for: its own entry waits for something that a short story may never bring. */
  readonly needsCommand: boolean
}

export const LAB_RULES: InstrumentRules = { ...defaultRules('lab', LAB_SYMBOL), step: '0.001', minQty: '0.001' }

/** @param makeBot gives the laboratory's bots. */
export function tellStory(request: StoryRequest, makeBot: (dice: Dice, number: number, rules: InstrumentRules) => LabBot): Story {
  const { seed, own } = request
  const dice = new Dice(seed).fork('story')
  const scenario = request.scenario ?? drawScenario(dice)
  const faultPhaseMs = dice.whole(5, 9) * MINUTE
  // A bot with long bars has its only close of the story in the first minute: that one must be seen.
  const faultsFromMs = dice.chance(0.3) && !own ? 5_000 : 90_000
  const faultsToMs = faultsFromMs + faultPhaseMs
  const endMs = faultsToMs + PEACE_MS
  const rules: InstrumentRules = { ...LAB_RULES, feeAsset: dice.chance(0.25) ? 'LAB' : 'USDT' }
  const count = own ? 1 : dice.of([1, 1, 2, 3])
  const bots = own ? [own.bot] : Array.from({ length: count }, (_, i) => makeBot(dice.fork(`bot${i}`), i + 1, rules))
  const doses = dosesOf(scenario, dice).filter(({ name }) => !request.groups || request.groups.includes(FAULTS[name].group))
  const window = { fromMs: faultsFromMs, toMs: faultsToMs }
  const actions = [...actionsOf(scenario, dice, window, bots.length), ...worldActions(doses, dice, window)]
  if (own?.needsCommand) {
    for (const afterMs of [30_000, faultsFromMs + faultPhaseMs / 2])
      actions.push({ afterMs, action: { kind: 'start_deal', bot: 0 } })
  }
  return {
    seed,
    scenario,
    bots,
    instruments: own ? own.instruments : [rules],
    market: marketOf(scenario, dice),
    startPrice: own?.startPrice ?? 100,
    faultsFromMs,
    faultsToMs,
    stillFromMs: endMs - STILL_MS,
    endMs,
    faults: doses,
    kills: request.kills ?? killsOf(scenario, dice),
    actions: actions.toSorted((a, b) => a.afterMs - b.afterMs),
  }
}

function drawScenario(dice: Dice): Scenario {
  if (dice.chance(0.4)) return 'mixed'
  return dice.of(SCENARIOS)
}

function dosesOf(scenario: Scenario, dice: Dice): FaultDose[] {
  const dose = (name: FaultName, share: number): FaultDose => ({ name, probability: FAULTS[name].often * share })
  if (scenario === 'calm') return []
  if (scenario.startsWith('fault:')) return [dose(scenario.slice('fault:'.length) as FaultName, 1)]
  // Several at once, each milder than alone: else hardly anything would ever be heard.
  const often = scenario === 'mixed' ? 0.3 : 0.15
  return FAULT_NAMES.filter(() => dice.chance(often)).map(name => dose(name, FAULTS[name].often === 1 ? 1 : 0.5))
}

function killsOf(scenario: Scenario, dice: Dice): KillMode {
  if (scenario === 'calm') return { kind: 'none' }
  if (scenario === 'restart_storm') return { kind: 'chance', probability: dice.between(0.02, 0.08) }
  return dice.chance(0.5) ? { kind: 'none' } : { kind: 'chance', probability: dice.between(0.002, 0.02) }
}

function marketOf(scenario: Scenario, dice: Dice): MarketKind {
  if (scenario === 'ladder_storm') return 'swing'
  if (scenario === 'flash_crash') return 'flash_crash'
  return dice.of(MARKET_KINDS)
}

interface Window {
  readonly fromMs: number
  readonly toMs: number
}

function actionsOf(scenario: Scenario, dice: Dice, window: Window, bots: number): TimedAction[] {
  const { fromMs, toMs } = window
  const at = (share: number): number => Math.round(fromMs + share * (toMs - fromMs))
  const some = (count: number, make: () => StoryAction): TimedAction[] =>
    Array.from({ length: count }, () => ({ afterMs: at(dice.next()), action: make() }))
  const bot = (): number => dice.whole(0, bots - 1)
  switch (scenario) {
    case 'restart_storm':
      return some(dice.whole(3, 8), () => dice.of<StoryAction>([{ kind: 'kill' }, { kind: 'restart' }]))
    case 'two_workers':
      return [
        ...some(dice.whole(1, 3), () => ({ kind: 'freeze', forMs: dice.whole(5_000, 90_000) })),
        { afterMs: fromMs, action: { kind: 'second_worker' } },
      ]
    case 'backup_restore': {
      const share = dice.between(0.1, 0.5)
      return [
        { afterMs: at(share), action: { kind: 'backup' } },
        { afterMs: at(dice.between(share + 0.1, 0.9)), action: { kind: 'restore' } },
      ]
    }
    case 'foreign_orders':
      return some(dice.whole(2, 5), () => foreignOrder(dice))
    case 'edit_mid_trade':
      return some(dice.whole(1, 3), () => ({ kind: 'edit', bot: bot() }))
    case 'kill_switch': {
      const share = dice.between(0.1, 0.6)
      return [
        {
          afterMs: at(share),
          action: { kind: 'safety', level: dice.of<SafetyLevel>(['halted', 'halted', 'reduce_only', 'paused']) },
        },
        { afterMs: at(dice.between(share + 0.1, 1)), action: { kind: 'safety', level: 'normal' } },
      ]
    }
    case 'mixed':
      return [
        ...some(dice.whole(0, 2), () =>
          dice.of<StoryAction>([
            { kind: 'close_deals', bot: bot() },
            { kind: 'edit', bot: bot() },
          ]),
        ),
        ...some(dice.chance(0.3) ? 1 : 0, () => ({ kind: 'freeze', forMs: dice.whole(5_000, 90_000) })),
        ...some(dice.chance(0.15) ? 1 : 0, () => ({ kind: 'panic', bot: bot() })),
        ...some(dice.chance(0.3) ? 1 : 0, () => ({ kind: 'restart' })),
      ]
    default:
      return []
  }
}

function foreignOrder(dice: Dice): StoryAction {
  const side = dice.of(['buy', 'sell'] as const)
  return { kind: 'foreign_order', side, distancePct: dice.of([0, 0.3, 5]), quantity: dice.of(['0.5', '1.25', '3']) }
}

/** Faults that are something which happens to the world, once or a few times. */
function worldActions(doses: readonly FaultDose[], dice: Dice, { fromMs, toMs }: Window): TimedAction[] {
  const has = (name: FaultName): boolean => doses.some(dose => dose.name === name)
  const when = (): number => Math.round(dice.between(fromMs, toMs - 30_000))
  const actions: TimedAction[] = []
  if (has('delisting')) actions.push({ afterMs: when(), action: { kind: 'delist', forMs: dice.whole(20_000, 120_000) } })
  if (has('filter_change')) {
    const action: StoryAction = {
      kind: 'filters',
      tick: dice.of(['0.01', '0.05']),
      step: dice.of(['0.001', '0.01']),
      minNotional: dice.of(['5', '10']),
    }
    actions.push({ afterMs: when(), action })
  }
  if (has('fee_coin')) actions.push({ afterMs: when(), action: { kind: 'fee_coin' } })
  if (has('foreign_order')) actions.push({ afterMs: when(), action: foreignOrder(dice) })
  if (has('balance_drift')) {
    const action: StoryAction = { kind: 'drift', currency: dice.of(['base', 'quote']), amount: dice.of(['0.5', '-0.25', '7']) }
    actions.push({ afterMs: when(), action })
  }
  return actions
}
