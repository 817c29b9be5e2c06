/** The double-entry ledger: accounts with their balances, and the transfers between them. Coins held outside of deals. */

import { z } from 'zod'
import { instant, listOf, listQuery, modeSchema, money, moneyOrNull, route, uuid, uuidOrNull } from './http.ts'

/** A row of `ledger_accounts`. */
export const ledgerAccountSchema = z
  .object({
    id: uuid,
    mode: modeSchema,
    exchange: z.string(),
    botId: z.string().nullable(),
    tradeId: uuidOrNull,
    currency: z.string(),
    kind: z.string().meta({ description: 'external, free, fees, bot_free, bot_reserved, position, market, ...' }),
    balance: money.meta({ description: 'Debits less credits; a currency sums to 0 over all accounts' }),
  })
  .meta({ id: 'LedgerAccount' })

/** A row of `ledger_transfers` with the kinds of both accounts. */
export const ledgerTransferSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    debitAccountId: uuid,
    creditAccountId: uuid,
    debitKind: z.string(),
    creditKind: z.string(),
    amount: money,
    currency: z.string(),
    botId: z.string().nullable(),
    tradeId: uuidOrNull,
    orderId: uuidOrNull,
    fillId: uuidOrNull,
    createdAt: instant,
  })
  .meta({ id: 'LedgerTransfer' })

/** A row of `holdings`. */
export const holdingSchema = z
  .object({
    mode: modeSchema,
    exchange: z.string(),
    currency: z.string(),
    qty: money,
    avgPrice: moneyOrNull,
    currentPrice: moneyOrNull,
    totalValue: moneyOrNull,
    unrealizedPnl: moneyOrNull,
  })
  .meta({ id: 'Holding', description: 'Coins of an account that belong to no open deal' })

const currency = z.string().max(20).optional()
const botId = z.string().max(100).optional()

export const ledgerRoutes = {
  listHoldings: route({
    method: 'GET',
    path: '/holdings',
    tag: 'Funds',
    summary: 'Coins outside of deals',
    access: 'trades:read',
    query: z.strictObject({ ...listQuery, mode: modeSchema.optional() }),
    responses: { 200: listOf(holdingSchema) },
  }),
  ledgerAccounts: route({
    method: 'GET',
    path: '/ledger/accounts',
    tag: 'Ledger',
    summary: 'Accounts of the ledger with their balances',
    access: 'trades:read',
    query: z.strictObject({ ...listQuery, mode: modeSchema.optional(), botId, currency }),
    responses: { 200: listOf(ledgerAccountSchema) },
  }),
  ledgerTransfers: route({
    method: 'GET',
    path: '/ledger/transfers',
    tag: 'Ledger',
    summary: 'Transfers of the ledger, newest first',
    access: 'trades:read',
    query: z.strictObject({ ...listQuery, botId, tradeId: uuid.optional(), currency }),
    responses: { 200: listOf(ledgerTransferSchema) },
  }),
} as const
