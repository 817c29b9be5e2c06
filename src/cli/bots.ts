// evenkeel bots: what runs on this instance, and the same commands that the web page gives. On the machine itself no sign-in is needed:
// whoever can open the database directory owns it.

import type { BotCommands, CommandOutcome } from '../api/bot-commands.ts'
import { storedCommands } from '../api/stored-commands.ts'
import { ENGINE_VERSION } from '../engine/version.ts'
import type { Database } from '../storage/database.ts'
import { openVerbDatabase } from './database.ts'
import { textTable } from './table.ts'
import { CliError, choiceOption, EXIT, textOption, UsageError, type Verb, type VerbContext, type VerbGroup } from './verb.ts'

interface BotLine {
  readonly bot_id: string
  readonly user_id: string
  readonly name: string
  readonly symbol: string | null
  readonly status: string
  readonly desired_state: string
  readonly version: number
  readonly mode: string | null
  readonly total_trades: number | null
  readonly total_pnl: string | null
  readonly open_deals: number
  readonly last_error: string | null
}

const LINES = `select b.bot_id, b.user_id, b.name, b.symbol, b.status, b.desired_state, b.version, b.last_error,
    r.mode, r.total_trades, r.total_pnl,
    (select count(*)::integer from trades t where t.bot_id = b.bot_id and t.status = 'open' and t.parent_trade_id is null) as open_deals
  from bots b left join lateral (
    select mode, total_trades, total_pnl from bot_runs where bot_id = b.bot_id and mode <> 'backtest' order by started_at desc limit 1) r on true
  where b.deleted_at is null and not b.hidden`

async function withDatabase<T>(context: VerbContext, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openVerbDatabase(context)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

async function findBot(database: Database, context: VerbContext): Promise<BotLine> {
  const [botId] = context.args
  if (!botId) throw new UsageError('BOT', undefined, 'give the id that `evenkeel bots list` shows')
  const { rows } = await database.withSystem(tx => tx.query<BotLine>(`${LINES} and b.bot_id = $1`, [botId]))
  if (!rows[0]) throw new CliError(EXIT.failed, 'NOT_FOUND', `There is no bot ${botId}: evenkeel bots list shows all of them`)
  return rows[0]
}

const list: Verb = {
  name: 'list',
  summary: 'all bots with status, deals and result',
  usage: '',
  options: {},
  run: context =>
    withDatabase(context, async database => {
      const { rows } = await database.withSystem(tx => tx.query<BotLine>(`${LINES} order by b.created_at`))
      context.out.result({ items: rows }, () =>
        rows.length === 0
          ? ['There are no bots yet: build one in the web page.']
          : textTable(
              ['bot', 'name', 'pair', 'status', 'mode', 'open', 'deals', 'result'],
              rows.map(row => [
                row.bot_id,
                row.name,
                row.symbol ?? '-',
                row.status,
                row.mode === 'paper' ? 'test' : (row.mode ?? '-'),
                String(row.open_deals),
                String(row.total_trades ?? '-'),
                row.total_pnl ?? '-',
              ]),
            ),
      )
      return EXIT.ok
    }),
}

const show: Verb = {
  name: 'show',
  summary: 'one bot: its status and its latest decisions',
  usage: 'BOT',
  options: {},
  run: context =>
    withDatabase(context, async database => {
      const bot = await findBot(database, context)
      const { rows: decisions } = await database.withTenant(bot.user_id, tx =>
        tx.query<{ decided_at: string; symbol: string; outcome: string; reason: string }>(
          'select decided_at, symbol, outcome, reason from decisions where bot_id = $1 order by decided_at desc limit 10',
          [bot.bot_id],
        ),
      )
      context.out.result({ ...bot, decisions }, () => [
        `${bot.name} (${bot.bot_id}), version ${bot.version}`,
        `status ${bot.status}, wanted ${bot.desired_state}, open deals ${bot.open_deals}`,
        ...(bot.last_error ? [`last error: ${bot.last_error}`] : []),
        ...decisions.map(each => `${each.decided_at}  ${each.symbol}  ${each.outcome}: ${each.reason}`),
      ])
      return EXIT.ok
    }),
}

function command(
  name: string,
  summary: string,
  options: Verb['options'],
  give: (commands: BotCommands, bot: BotLine, context: VerbContext) => Promise<CommandOutcome>,
): Verb {
  return {
    name,
    summary,
    usage: 'BOT',
    options,
    run: context =>
      withDatabase(context, async database => {
        const bot = await findBot(database, context)
        const outcome = await give(storedCommands({ database, engineVersion: ENGINE_VERSION }), bot, context)
        if (!outcome.ok) throw new CliError(EXIT.refused, outcome.code, outcome.message, outcome.details ?? [])
        context.out.result(outcome, () => [
          outcome.changed
            ? `${bot.name}: ${name} was noted; a running server acts on it at once`
            : `${bot.name} is ${outcome.status} already`,
        ])
        return EXIT.ok
      }),
  }
}

const OPEN_DEALS = ['manage', 'close', 'release'] as const

export const verb: VerbGroup = {
  name: 'bots',
  summary: 'list bots, and start, pause, resume or stop them',
  verbs: [
    list,
    show,
    command(
      'start',
      'start a paper run',
      { balance: { type: 'string', value: 'AMOUNT', help: 'initial balance in the quote currency' } },
      (commands, bot, context) => {
        const balance = textOption(context, 'balance')
        return commands.startPaper(bot.user_id, bot.bot_id, balance === undefined ? {} : { initialBalance: balance })
      },
    ),
    command('pause', 'take no new exposure; exits go on', {}, (commands, bot) => commands.pause(bot.user_id, bot.bot_id, {})),
    command('resume', 'end a pause', {}, (commands, bot) => commands.resume(bot.user_id, bot.bot_id)),
    command(
      'stop',
      'end the run',
      {
        'open-deals': {
          type: 'string',
          value: 'WHAT',
          help: 'manage (work the exits to the end), close (sell now) or release (keep the coins); manage',
        },
      },
      (commands, bot, context) =>
        commands.stop(bot.user_id, bot.bot_id, choiceOption(context, 'open-deals', OPEN_DEALS) ?? 'manage'),
    ),
    command('panic', 'pause and sell everything of this bot at the market', {}, (commands, bot) =>
      commands.panic(bot.user_id, bot.bot_id),
    ),
  ],
}
