// Commands of people, written down: the wish, and the message to the worker, in one transaction. The worker reads them from the
// database, so that a command that was answered is never lost, whoever runs the bot.

import { parseDcaConfig } from '../contract/dca-config.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { splitSymbol } from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import { tighterLimits } from '../core/risk/safety-limits.ts'
import { type LockedBot, lockBot, setBotStatus, setDesiredState } from '../storage/bots-store.ts'
import { appendCommand, type BotCommand } from '../storage/command-inbox.ts'
import type { Database, Transaction } from '../storage/database.ts'
import { StorageError } from '../storage/errors.ts'
import { PAPER_EXCHANGE, startRun } from '../storage/runs-store.ts'
import { readSafetyLimits, readSafetyScopes, ruling } from '../storage/safety-store.ts'
import {
  type BotCommands,
  type BotStatus,
  type CommandOutcome,
  type CommandRefusalCode,
  type DesiredState,
  type RunFeed,
  type RunMode,
  refused,
  type StartPaperRequest,
} from './bot-commands.ts'
import { effectiveStatus, type LifecycleCommand, transitionOf } from './lifecycle.ts'

const DEMO = 'demo'
const DEFAULT_BALANCE = Decimal.from(10_000)

interface RunningRun {
  readonly runId: string
  readonly mode: RunMode
}

interface Found {
  readonly bot: LockedBot
  readonly run: RunningRun | null
  readonly status: BotStatus
}

async function find(tx: Transaction, botId: string): Promise<Found> {
  const bot = await lockBot(tx, botId)
  const run = await tx.one<RunningRun>(
    `select run_id as "runId", mode from bot_runs where bot_id = $1 and status = 'running' and mode <> 'backtest'`,
    [botId],
  )
  return { bot, run, status: effectiveStatus(bot.status, bot.desiredState) }
}

const REFUSALS: ReadonlySet<string> = new Set<CommandRefusalCode>([
  'NOT_FOUND',
  'CONFLICT',
  'INVALID_STATUS_TRANSITION',
  'MODE_CONFLICT',
  'BOT_HAS_OPEN_DEALS',
  'BOT_ACTIVE',
  'INSUFFICIENT_FUNDS',
])

/** A refusal of storage rolls its transaction back and is an outcome. */
async function outcomeOf(work: () => Promise<CommandOutcome>): Promise<CommandOutcome> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StorageError && REFUSALS.has(error.code)) return refused(error.code as CommandRefusalCode, error.message)
    throw error
  }
}

function invalid(bot: LockedBot, status: BotStatus, command: string): CommandOutcome {
  return refused('INVALID_STATUS_TRANSITION', `Bot ${bot.name} is ${status}: it cannot be told to ${command}`)
}

function accepted(found: Found, changed: boolean, desiredState: DesiredState, commandId: number | null = null): CommandOutcome {
  const { bot, run } = found
  return {
    ok: true,
    changed,
    botId: bot.botId,
    runId: run?.runId ?? null,
    mode: run?.mode ?? null,
    status: bot.status,
    desiredState,
    commandId: commandId === null ? null : String(commandId),
  }
}

/** Held by what only a person ends. */
async function isHeldForUser(tx: Transaction, botId: string): Promise<boolean> {
  const row = await tx.one<{ held: boolean }>(
    `select paused_by ?| array['protection', 'brake'] as held from bots where bot_id = $1`,
    [botId],
  )
  return row?.held === true
}

export interface StoredCommandsOptions {
  readonly database: Database
  /** Stored with each run. */
  readonly engineVersion: string
}

export function storedCommands({ database, engineVersion }: StoredCommandsOptions): BotCommands {
  /** A command to the run that is on, by the table. */
  const lifecycle = (
    userId: string,
    botId: string,
    command: Exclude<LifecycleCommand, 'start' | 'delete'>,
    desired: DesiredState,
    message: BotCommand,
  ): Promise<CommandOutcome> =>
    outcomeOf(() =>
      database.withTenant(userId, async tx => {
        const found = await find(tx, botId)
        const { bot, run, status } = found
        const transition = transitionOf(status, command, message.kind === 'stop' ? message.openDeals : 'manage')
        // A running bot can be held by a stop loss or a brake that waits for its user: then resume has something to do.
        const releases = transition === 'already' && command === 'resume' && run !== null && (await isHeldForUser(tx, botId))
        if (transition === 'already' && !releases) return accepted(found, false, bot.desiredState)
        if (transition !== 'change' && !releases) return invalid(bot, status, command)
        await setDesiredState(tx, botId, desired)
        if (run) return accepted(found, true, desired, await appendCommand(tx, botId, run.mode, message))
        if (command === 'stop') {
          // Nobody holds a bot without a run, so that nobody else would observe this.
          await setBotStatus(tx, botId, { status: 'stopped', pausedBy: [] })
          return accepted({ ...found, bot: { ...bot, status: 'stopped' } }, true, desired)
        }
        return accepted(found, true, desired)
      }),
    )

  /** A command about deals: only a bot with a run can take it. */
  const deal = async (
    tx: Transaction,
    found: Found,
    message: BotCommand,
    allowed: ReadonlySet<BotStatus>,
  ): Promise<CommandOutcome> => {
    const { bot, run, status } = found
    if (!run || !allowed.has(status)) return invalid(bot, status, message.kind.replace('_', ' '))
    return accepted(found, true, bot.desiredState, await appendCommand(tx, bot.botId, run.mode, message))
  }

  return {
    startPaper: (userId, botId, request) =>
      outcomeOf(() =>
        database.withTenant(userId, async tx => {
          const found = await find(tx, botId)
          const { bot, run, status } = found
          const transition = transitionOf(status, 'start')
          if (run && run.mode !== 'paper') {
            return refused('MODE_CONFLICT', `Bot ${bot.name} has a ${run.mode} run: stop it before a paper run`)
          }
          if (transition === 'already') return accepted(found, false, bot.desiredState)
          if (transition === 'change' && run) {
            await setDesiredState(tx, botId, 'running')
            return accepted(found, true, 'running', await appendCommand(tx, botId, run.mode, { kind: 'resume' }))
          }
          if (transition !== 'new_run' && transition !== 'change') return invalid(bot, status, 'start')
          const plan = planPaperRun(bot, request)
          if (!plan.ok) return plan
          await requireInstruments(tx, plan.config, plan.feed)
          if (plan.feed.kind === 'replay') await requireCandles(tx, plan.config, plan.feed)
          const tighter = await tighterSafety(tx, plan.config)
          if (tighter !== null) return tighter
          const started = await startRun(tx, {
            botId,
            mode: 'paper',
            initialBalance: plan.initialBalance,
            currency: plan.currency,
            engineVersion,
            seed: request.seed ?? 0,
            exchange: PAPER_EXCHANGE,
            meta: { feed: plan.feed, venue: { ...request.venue, seed: request.seed ?? 0 } },
          })
          return {
            ok: true,
            changed: true,
            botId,
            runId: started.runId,
            mode: 'paper',
            status: 'starting',
            desiredState: 'running',
            commandId: null,
          }
        }),
      ),
    pause: async (userId, botId, request) => {
      const untilMs = request.until === undefined ? null : Date.parse(request.until)
      if (untilMs !== null && untilMs <= Date.now()) {
        return refused('VALIDATION_ERROR', 'The pause would be over before it began', [
          { path: 'until', code: 'OUT_OF_RANGE', message: 'must be in the future' },
        ])
      }
      return lifecycle(userId, botId, 'pause', 'paused', { kind: 'pause', untilMs })
    },
    resume: (userId, botId) => lifecycle(userId, botId, 'resume', 'running', { kind: 'resume' }),
    stop: (userId, botId, openDeals) => lifecycle(userId, botId, 'stop', 'stopped', { kind: 'stop', openDeals }),
    startDeal: (userId, botId, symbol) =>
      outcomeOf(() =>
        database.withTenant(userId, async tx => {
          const found = await find(tx, botId)
          const pairs = pairsOf(found.bot)
          const wanted = symbol ?? (pairs.length === 1 ? pairs[0]! : null)
          if (wanted === null) {
            return refused('VALIDATION_ERROR', `Bot ${found.bot.name} trades ${pairs.length} pairs: say which one`, [
              { path: 'symbol', code: 'REQUIRED', message: `one of ${pairs.join(', ')}` },
            ])
          }
          if (!pairs.includes(wanted)) {
            return refused('VALIDATION_ERROR', `Bot ${found.bot.name} does not trade ${wanted}`, [
              { path: 'symbol', code: 'UNKNOWN_SYMBOL', message: `one of ${pairs.join(', ')}` },
            ])
          }
          const { level, reason } = ruling(await readSafetyScopes(tx, { botId }))
          if (level !== 'normal') return refused('SAFETY_STATE', `No deal is opened while trading is ${level}: ${reason}`)
          const outcome = await deal(tx, found, { kind: 'start_deal', symbol: wanted }, STARTING_DEALS)
          return outcome.ok ? { ...outcome, symbol: wanted } : outcome
        }),
      ),
    panic: (userId, botId) =>
      outcomeOf(() =>
        database.withTenant(userId, async tx => {
          const found = await find(tx, botId)
          const outcome = await deal(tx, found, { kind: 'panic' }, CLOSING_DEALS)
          // Nothing new is bought after a panic until a person resumes; a bot that is to stop still stops.
          if (!outcome.ok || found.status === 'stopping') return outcome
          await setDesiredState(tx, botId, 'paused')
          return { ...outcome, desiredState: 'paused' }
        }),
      ),
    closeDeal: (userId, tradeId) =>
      outcomeOf(() =>
        database.withTenant(userId, async tx => {
          const trade = await tx.one<{
            bot_id: string
            run_id: string
            status: string
            deal_status: string
            run_seq: number | null
          }>(
            `select bot_id, run_id, status, deal_status, (extra_metadata ->> 'tradeSeq')::integer as run_seq
             from trades where id = $1 and parent_trade_id is null`,
            [tradeId],
          )
          if (!trade) return refused('NOT_FOUND', `There is no deal ${tradeId}`)
          if (trade.status !== 'open' || trade.run_seq === null) {
            return refused('INVALID_DEAL_TRANSITION', `The deal is ${trade.deal_status}: it cannot be closed`)
          }
          const found = await find(tx, trade.bot_id)
          return deal(tx, found, { kind: 'close_deal', tradeSeq: trade.run_seq }, CLOSING_DEALS)
        }),
      ),
  }
}

/** Deals may be started by hand while the bot is paused by a rule, but not while it stops. */
const STARTING_DEALS: ReadonlySet<BotStatus> = new Set(['starting', 'running'])
/** Exits are never blocked by a pause. */
const CLOSING_DEALS: ReadonlySet<BotStatus> = new Set(['starting', 'running', 'paused', 'stopping'])

function pairsOf(bot: LockedBot): readonly string[] {
  const { pairs } = bot.config as { pairs?: readonly string[] }
  return pairs ?? []
}

type Plan =
  | {
      readonly ok: true
      readonly config: DcaConfig
      readonly initialBalance: string
      readonly currency: string
      readonly feed: RunFeed
    }
  | Extract<CommandOutcome, { ok: false }>

/** Prices move between the edit of a bot and its start: a default balance leaves this much room, in percent. */
const PRICE_ROOM_PCT = Decimal.from('1')

/** What one deal reserves, buffer included, and the balance that lets all deals run at once. Null where no price was known. */
function capitalOf(bot: LockedBot, config: DcaConfig): { readonly oneDeal: Decimal; readonly standard: Decimal } | null {
  if (bot.requiredCapital === null) return null
  const required = Decimal.from(bot.requiredCapital)
  const oneDeal = required.plus(required.times(Decimal.from(config.reserveBufferPct)).percent())
  const all = oneDeal.times(Decimal.from(config.maxActiveDeals))
  return { oneDeal, standard: all.plus(all.times(PRICE_ROOM_PCT).percent()).round(0, 'up') }
}

/** What a paper run of this bot would be: its config must hold, and its money is in the pairs' quote. */
function planPaperRun(bot: LockedBot, request: StartPaperRequest): Plan {
  if (bot.botType !== 'dca') return refused('NOT_IMPLEMENTED', `Runs of ${bot.botType} bots are not available yet`)
  const parsed = parseDcaConfig(bot.config, { path: 'config' })
  if (!parsed.ok) return refused('VALIDATION_ERROR', 'The stored config is not valid: edit the bot first', parsed.findings)
  const { config } = parsed
  const currency = splitSymbol(config.pairs[0] ?? '')?.quote
  if (currency === undefined) return refused('VALIDATION_ERROR', 'The config names no pair')
  const capital = capitalOf(bot, config)
  if (capital !== null && request.initialBalance !== undefined && Decimal.from(request.initialBalance).lt(capital.oneDeal)) {
    return refused(
      'INSUFFICIENT_FUNDS',
      `One deal of bot ${bot.name} reserves ${capital.oneDeal} ${currency}, the balance is ${request.initialBalance}`,
    )
  }
  const standard = capital?.standard.gt(DEFAULT_BALANCE) ? capital.standard : DEFAULT_BALANCE
  const initialBalance = request.initialBalance ?? standard.toString()
  const feed = request.feed ?? (config.exchange === DEMO ? { kind: 'demo', speed: 1 } : { kind: 'replay', speed: 'max' })
  if (feed.kind === 'demo' && config.exchange !== DEMO) {
    return refused('VALIDATION_ERROR', `The demo market has no candles of ${config.exchange}`, [
      { path: 'feed.kind', code: 'BAD_ENUM', message: 'must be replay' },
    ])
  }
  const full = feed.kind === 'replay' ? { ...feed, exchange: feed.exchange ?? config.exchange } : feed
  return { ok: true, config, initialBalance, currency, feed: full }
}

/** The refusal of a bot whose own limits lie outside of the safety limits that guard them; null where none does. */
async function tighterSafety(tx: Transaction, config: DcaConfig): Promise<CommandOutcome | null> {
  const { chosen } = await readSafetyLimits(tx)
  // What cannot be read halts the run instead: its limits are unknown, not wrong.
  const found = chosen === null ? [] : tighterLimits(config, chosen)
  if (found.length === 0) return null
  const [first] = found
  return refused(
    'SAFETY_LIMIT_TIGHTER',
    `The safety limit ${first!.limit} of ${first!.value} is tighter than ${first!.guards} of ${first!.operating}, which it guards: raise the one or lower the other`,
    found.map(({ limit, value, guards, operating }) => ({
      path: `config.${guards}`,
      code: 'OUT_OF_RANGE',
      message: `${operating}, and the safety limit ${limit} is ${value}`,
    })),
  )
}

type ReplayFeed = Extract<RunFeed, { kind: 'replay' }>

/** Where the run's candles are from. */
function sourceOf(config: DcaConfig, feed: RunFeed): string {
  return feed.kind === 'replay' ? (feed.exchange ?? config.exchange) : config.exchange
}

/** @throws CONFLICT for a pair nobody knows the rules of: its orders could not be checked. */
async function requireInstruments(tx: Transaction, config: DcaConfig, feed: RunFeed): Promise<void> {
  const exchange = sourceOf(config, feed)
  const { rows } = await tx.query<{ symbol: string }>('select symbol from instruments where exchange = $1 and symbol = any($2)', [
    exchange,
    config.pairs,
  ])
  const missing = config.pairs.filter(pair => !rows.some(row => row.symbol === pair))
  if (missing.length > 0) throw noCandles(missing, exchange)
}

/** @throws CONFLICT where nothing is stored that a replay could run over; the demo market makes its own. */
async function requireCandles(tx: Transaction, config: DcaConfig, feed: ReplayFeed): Promise<void> {
  const exchange = sourceOf(config, feed)
  if (exchange === DEMO) return
  const { rows } = await tx.query<{ symbol: string }>(
    `select i.symbol from instruments i where i.exchange = $1 and i.symbol = any($2) and exists (
       select from candles c where c.instrument_id = i.id and ($3::timestamptz is null or c.open_time >= $3::timestamptz)
         and ($4::timestamptz is null or c.open_time < $4::timestamptz))`,
    [exchange, config.pairs, isoOf(feed.fromMs), isoOf(feed.toMs)],
  )
  const missing = config.pairs.filter(pair => !rows.some(row => row.symbol === pair))
  if (missing.length > 0) throw noCandles(missing, exchange, feed.fromMs !== undefined || feed.toMs !== undefined)
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

function noCandles(pairs: readonly string[], exchange: string, inRange = false): StorageError {
  return new StorageError(
    'CONFLICT',
    `There are no candles of ${pairs.join(', ')} on ${exchange}${inRange ? ' in that range' : ''} to run over`,
    { remedy: `Import them first: evenkeel candles import FILE --exchange ${exchange} --symbol ${pairs[0]}` },
  )
}
