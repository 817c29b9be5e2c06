// Funds: cash that is free and cash that is locked, by bot or summed by account.

import { fundsSchema } from '../../contract/funds.ts'
import type { Handler } from '../http.ts'
import { type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'

const FUNDS_BY_BOT = {
  name: 'funds',
  from: 'funds t',
  item: fundsSchema,
  order: [
    { sql: 't.exchange', type: 'text' },
    { sql: 't.currency', type: 'text' },
    { sql: `coalesce(t.bot_id, '')`, type: 'text' },
    { sql: 't.mode', type: 'text' },
  ],
  descending: false,
} satisfies ListSpec<typeof fundsSchema>

// One row per exchange and currency: what lies with the account and what its bots hold.
const FUNDS_BY_ACCOUNT = {
  ...FUNDS_BY_BOT,
  name: 'account funds',
  from: `(select mode, exchange, null::text as bot_id, currency, sum(free) as free, sum(locked) as locked, sum(total) as total
          from funds group by mode, exchange, currency) t`,
} satisfies ListSpec<typeof fundsSchema>

export const listFunds: Handler<'listFunds'> = async ({ context, principal, query }) => {
  const where = new Where().optional('t.mode = ?', query.mode)
  if (query.by === 'bot') where.always('t.bot_id is not null')
  const spec = query.by === 'bot' ? FUNDS_BY_BOT : FUNDS_BY_ACCOUNT
  return context.database.withTenant(principal.userId, tx => listRows(tx, spec, query, where), { readOnly: true })
}

export const botFunds: Handler<'botFunds'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      return listRows(tx, FUNDS_BY_BOT, query, new Where().add('t.bot_id = ?', params.id))
    },
    { readOnly: true },
  )
