// What people and the world do in a story, carried out.

import { type Instrument, instrumentFromRules } from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import { VenueError } from '../engine/venue.ts'
import type { BotEvent } from '../runs/account-run.ts'
import type { FaultName } from './faults.ts'
import type { Lab } from './lab.ts'
import type { StoryAction } from './story.ts'

/** Price of the third coin in which fees may be taken. */
const FEE_COIN_PRICE = '20'

/** What happens to the world once, and counts as a fault that struck. */
const FAULT_OF: Readonly<Partial<Record<StoryAction['kind'], FaultName>>> = {
  delist: 'delisting',
  filters: 'filter_change',
  fee_coin: 'fee_coin',
  foreign_order: 'foreign_order',
  drift: 'balance_drift',
}

interface Backup {
  readonly commits: number
  readonly snapshot: unknown
  readonly rules: ReadonlyMap<string, ReadonlyMap<string, Instrument>>
}

const backups = new WeakMap<Lab, Backup>()

export async function performAction(lab: Lab, action: StoryAction): Promise<void> {
  const { story, exchange, scheduler } = lab
  const [rules] = story.instruments
  const { symbol, base, quote } = rules!
  lab.log.add(`action ${JSON.stringify(action)}`)
  lab.disturb()
  const fault = FAULT_OF[action.kind]
  if (fault) lab.faults.note(fault)
  switch (action.kind) {
    case 'start_deal':
      command(lab, action.bot, { kind: 'user_command', atMs: scheduler.nowMs, command: { type: 'start_deal', symbol } })
      return
    case 'close_deals': {
      const state = lab.truth.bot(story.bots[action.bot]!.botId).state
      for (const { tradeSeq } of state?.deals ?? [])
        command(lab, action.bot, { kind: 'user_command', atMs: scheduler.nowMs, command: { type: 'close_deal', tradeSeq } })
      return
    }
    case 'panic':
      command(lab, action.bot, { kind: 'user_command', atMs: scheduler.nowMs, command: { type: 'panic' } })
      return
    case 'edit': {
      const version = story.bots[action.bot]!.versions.length
      command(lab, action.bot, { kind: 'config_applied', atMs: scheduler.nowMs, version })
      return
    }
    case 'safety':
      await changeSafety(lab, action.level)
      return
    case 'freeze': {
      const worker = lab.worker()
      worker?.process.freeze(scheduler.nowMs + action.forMs)
      lab.disturb(scheduler.nowMs + action.forMs)
      return
    }
    case 'kill': {
      const worker = lab.worker()
      if (!worker?.process.isAlive) return
      worker.process.kill()
      lab.killed(worker.process, 'out of the blue')
      return
    }
    case 'restart':
      lab.worker()?.stop()
      return
    case 'second_worker':
      lab.wantSpare()
      return
    case 'backup':
      backups.set(lab, {
        commits: lab.truth.commits.length,
        snapshot: lab.backend.snapshot(),
        rules: new Map(lab.storedRules),
      })
      return
    case 'restore': {
      const saved = backups.get(lab)
      // Deep stories have no backup: a whole database would have to go back.
      if (!saved || saved.snapshot === null) return
      // The venue's rules are rows as well: what was learnt in the lost time is forgotten with it.
      for (const [botId, rules] of saved.rules) lab.storedRules.set(botId, rules)
      await lab.restore(saved.commits, saved.snapshot)
      return
    }
    case 'foreign_order': {
      const last = lab.lastPrice(symbol)
      const sign = action.side === 'buy' ? -1 : 1
      const limitPrice = (Math.round(last * (1 + (sign * action.distancePct) / 100) * 100) / 100).toString()
      const type = action.distancePct === 0 ? 'market' : 'limit'
      const payload = {
        clientOrderId: `web_${lab.truth.executions.length}_${scheduler.nowMs}`,
        symbol,
        side: action.side,
        type,
        quantity: action.quantity,
        limitPrice: type === 'limit' ? limitPrice : null,
        stopPrice: null,
        reduceOnly: false,
      } as const
      tried(() => exchange.place(payload, scheduler.nowMs))
      return
    }
    case 'drift': {
      const currency = action.currency === 'base' ? base : quote
      exchange.transfer(currency, Decimal.from(action.amount))
      lab.inject(currency, Decimal.from(action.amount))
      return
    }
    case 'delist': {
      const instrument = exchange.instruments().find(each => each.symbol === symbol)
      if (!instrument) return
      exchange.delist(symbol, scheduler.nowMs)
      lab.disturb(scheduler.nowMs + action.forMs)
      scheduler.after(action.forMs, () => exchange.setInstrument(instrument))
      return
    }
    case 'filters':
      exchange.setInstrument(
        instrumentFromRules({ ...rules!, tick: action.tick, step: action.step, minNotional: action.minNotional }),
      )
      return
    case 'fee_coin':
      exchange.payFeesIn({ currency: lab.feeCoin, priceInQuote: Decimal.from(FEE_COIN_PRICE) })
      return
  }
}

/** A worker that is away cannot be told: whoever asks sees an error, and so does nobody in a story. */
function command(lab: Lab, bot: number, event: BotEvent): void {
  const worker = lab.worker()
  if (!worker?.process.isAlive || worker.process.isFrozen) return
  worker.run?.offerCommand(lab.story.bots[bot]!.botId, event).catch(() => {})
}

/** Written first, then told to the worker; confirmed once it has taken it over. A level that lets more happen counts at once. */
async function changeSafety(lab: Lab, level: Parameters<Lab['confirmSafety']>[0]): Promise<void> {
  await lab.backend.setSafety(level)
  if (level === 'normal') lab.confirmSafety(level)
  const worker = lab.worker()
  if (!worker?.process.isAlive || worker.process.isFrozen) return
  worker.run?.offerSafety(level, 'asked for in the story').then(
    () => {
      if (worker.process.isAlive) lab.confirmSafety(level)
    },
    () => {},
  )
}

/** Foreign orders may be refused: then the person at the keyboard sees it. */
function tried(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof VenueError)) throw error
  }
}
