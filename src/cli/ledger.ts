// evenkeel ledger: what the books say, and whether they are true. On the machine itself no sign-in is needed: whoever can open the
// database directory owns it.

import type { Database } from '../storage/database.ts'
import { type LedgerReport, verifyLedger } from '../storage/ledger-verify.ts'
import { openVerbDatabase } from './database.ts'
import { textTable } from './table.ts'
import { CliError, EXIT, textOption, UsageError, type Verb, type VerbContext, type VerbGroup } from './verb.ts'

const BOT = { type: 'string', value: 'ID', help: 'only what belongs to this bot' } as const
const TRANSFERS_SHOWN = 50
const MOST_TRANSFERS = 10_000

async function withDatabase<T>(context: VerbContext, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openVerbDatabase(context)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

/** @throws NOT_FOUND for an id that no bot has: it would seem to be one without a difference. */
async function botOf(database: Database, context: VerbContext): Promise<string | undefined> {
  const botId = textOption(context, 'bot')
  if (botId === undefined) return undefined
  const bot = await database.withSystem(tx => tx.one('select 1 from bots where bot_id = $1', [botId]))
  if (!bot) throw new CliError(EXIT.failed, 'NOT_FOUND', `There is no bot ${botId}: evenkeel bots list shows all of them`)
  return botId
}

/** One line per difference, and one of what was looked at. */
export function ledgerLines(report: LedgerReport): string[] {
  const { checked } = report
  const lines = report.differences.map(
    ({ check, what, stored, recomputed }) => `${check}: ${what} is ${stored}, it must be ${recomputed}`,
  )
  const more = report.differenceCount - report.differences.length
  if (more > 0) lines.push(`... and ${more} more`)
  const counted = Object.entries(checked).map(([name, count]) => `${count} ${name}`)
  return [
    ...lines,
    `ledger verify: ${report.differenceCount} ${report.differenceCount === 1 ? 'difference' : 'differences'} in ${counted.join(', ')} (${(report.elapsedMs / 1000).toFixed(1)} s)`,
  ]
}

const verify: Verb = {
  name: 'verify',
  summary: 'compute everything anew from fills and transfers and compare it with what is stored',
  usage: '[--bot ID]',
  details: 'Looks and never writes; a server may run meanwhile. Exit code 5 where anything differs, each difference on a line.',
  options: { bot: BOT },
  run: context =>
    withDatabase(context, async database => {
      let show: ((done: number) => void) | null = null
      const report = await verifyLedger(database, {
        botId: await botOf(database, context),
        onProgress: (done, total) => {
          show ??= context.out.progress('transfers', total)
          show(done)
        },
      })
      context.out.result(report, () => ledgerLines(report))
      return report.ok ? EXIT.ok : EXIT.verification
    }),
}

const balances: Verb = {
  name: 'balances',
  summary: 'what each account holds; a currency sums to zero over all of them',
  usage: '[--bot ID]',
  options: { bot: BOT },
  run: context =>
    withDatabase(context, async database => {
      const botId = (await botOf(database, context)) ?? null
      const { rows } = await database.withSystem(tx =>
        tx.query<{
          user_id: string
          mode: string
          exchange: string
          bot_id: string | null
          kind: string
          currency: string
          balance: string
        }>(
          `select user_id, mode, exchange, connection_id, bot_id, kind, currency, sum(balance) as balance from ledger_accounts
           where $1::text is null or bot_id = $1 group by 1, 2, 3, 4, 5, 6, 7 having sum(balance) <> 0 order by 1, 2, 3, 4, 5 nulls first, 7, 6`,
          [botId],
        ),
      )
      context.out.result({ items: rows }, () =>
        rows.length === 0
          ? ['No account holds anything.']
          : textTable(
              ['mode', 'exchange', 'bot', 'account', 'currency', 'balance'],
              rows.map(row => [row.mode, row.exchange, row.bot_id ?? '-', row.kind, row.currency, row.balance]),
            ),
      )
      return EXIT.ok
    }),
}

function limitOf(context: VerbContext): number {
  const text = textOption(context, 'limit') ?? String(TRANSFERS_SHOWN)
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MOST_TRANSFERS) throw new UsageError('--limit', text, `a whole number from 1 to ${MOST_TRANSFERS}`)
  return limit
}

const transfers: Verb = {
  name: 'transfers',
  summary: 'the latest transfers, newest first',
  usage: '[--bot ID] [--limit N]',
  options: { bot: BOT, limit: { type: 'string', value: 'N', help: `how many (${TRANSFERS_SHOWN})` } },
  run: context => {
    const limit = limitOf(context)
    return withDatabase(context, async database => {
      const botId = (await botOf(database, context)) ?? null
      const { rows } = await database.withSystem(tx =>
        tx.query<{
          booking: number
          created_at: string
          kind: string
          debit: string
          credit: string
          amount: string
          currency: string
        }>(
          `select x.booking, x.created_at, x.kind, d.kind as debit, c.kind as credit, x.amount, x.currency, x.trade_id, x.order_id, x.fill_id, x.id
           from ledger_transfers x join ledger_accounts d on d.id = x.debit_account_id join ledger_accounts c on c.id = x.credit_account_id
           where $1::text is null or d.bot_id = $1 or c.bot_id = $1 order by x.booking desc limit $2`,
          [botId, limit],
        ),
      )
      context.out.result({ items: rows }, () =>
        rows.length === 0
          ? ['There are no transfers yet.']
          : textTable(
              ['no', 'at', 'kind', 'to', 'from', 'amount', 'currency'],
              rows.map(row => [String(row.booking), row.created_at, row.kind, row.debit, row.credit, row.amount, row.currency]),
            ),
      )
      return EXIT.ok
    })
  },
}

export const verb: VerbGroup = {
  name: 'ledger',
  summary: 'what the books say, and whether they are true',
  verbs: [verify, balances, transfers],
}
