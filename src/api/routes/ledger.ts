// The ledger behind every figure: accounts, transfers, and coins outside of deals.

import { holdingSchema, ledgerAccountSchema, ledgerTransferSchema } from '../../contract/ledger.ts'
import { PRICED_HOLDINGS } from '../../storage/kept-coins.ts'
import type { Handler } from '../http.ts'
import { type ListSpec, listRows, Where } from '../list.ts'

const HOLDINGS = {
  name: 'holdings',
  from: `(${PRICED_HOLDINGS}) t`,
  item: holdingSchema,
  order: [
    { sql: 't.currency', type: 'text' },
    { sql: 't.id', type: 'uuid' },
  ],
  descending: false,
} satisfies ListSpec<typeof holdingSchema>

export const listHoldings: Handler<'listHoldings'> = async ({ context, principal, query }) =>
  context.database.withTenant(
    principal.userId,
    tx => listRows(tx, HOLDINGS, query, new Where().optional('t.mode = ?', query.mode)),
    { readOnly: true },
  )

const ACCOUNTS = {
  name: 'ledger accounts',
  from: 'ledger_accounts t',
  item: ledgerAccountSchema,
  order: [
    { sql: 't.currency', type: 'text' },
    { sql: 't.kind', type: 'text' },
    { sql: 't.id', type: 'uuid' },
  ],
  descending: false,
} satisfies ListSpec<typeof ledgerAccountSchema>

export const ledgerAccounts: Handler<'ledgerAccounts'> = async ({ context, principal, query }) => {
  const where = new Where()
    .optional('t.mode = ?', query.mode)
    .optional('t.bot_id = ?', query.botId)
    .optional('t.currency = ?', query.currency)
  return context.database.withTenant(principal.userId, tx => listRows(tx, ACCOUNTS, query, where), { readOnly: true })
}

const TRANSFERS = {
  name: 'ledger transfers',
  from: `ledger_transfers t join ledger_accounts debit on debit.id = t.debit_account_id
         join ledger_accounts credit on credit.id = t.credit_account_id`,
  item: ledgerTransferSchema,
  columns: { debitKind: 'debit.kind', creditKind: 'credit.kind', botId: 'coalesce(debit.bot_id, credit.bot_id)' },
  order: [
    { sql: 't.created_at', type: 'time' },
    { sql: 't.id', type: 'text' },
  ],
  descending: true,
} satisfies ListSpec<typeof ledgerTransferSchema>

export const ledgerTransfers: Handler<'ledgerTransfers'> = async ({ context, principal, query }) => {
  const where = new Where()
    .optional('coalesce(debit.bot_id, credit.bot_id) = ?', query.botId)
    .uuid('t.trade_id = ?', 'tradeId', query.tradeId)
    .optional('t.currency = ?', query.currency)
  return context.database.withTenant(principal.userId, tx => listRows(tx, TRANSFERS, query, where), { readOnly: true })
}
