/** The ladder preview: every order a deal may place, before it starts. */

import { z } from 'zod'
import { conflictSchema } from './bots.ts'
import { dcaConfigSchema } from './dca-config-schema.ts'
import { positiveMoneyText } from './decimal-schema.ts'
import { money, moneyOrNull, route } from './http.ts'

export const ladderRowSchema = z
  .object({
    rung: z.int().meta({ description: '0 = the base order' }),
    deviationPct: money,
    price: money,
    base: money.meta({ description: 'Quantity in base currency' }),
    quote: money,
    cumBase: money,
    cumQuote: money,
    average: money,
    tpPrice: moneyOrNull,
    requiredChangePct: moneyOrNull.meta({ description: 'Target price against the price of this rung' }),
    stopPrice: moneyOrNull,
    placement: z.enum(['exchange', 'virtual']),
    flags: z.array(z.string()),
  })
  .meta({ id: 'LadderRow', description: 'Rounded as the venue rounds' })
export type LadderRow = z.output<typeof ladderRowSchema>

export const ladderPreviewSchema = z
  .object({
    symbol: z.string(),
    rows: z.array(ladderRowSchema),
    requiredCapital: money.meta({ description: 'Cost and fees of the whole ladder' }),
    lock: money.meta({ description: 'What a deal reserves: requiredCapital and the buffer' }),
    maxDeviationPct: money,
    balancePct: moneyOrNull.meta({ description: 'requiredCapital x maxActiveDeals / balance' }),
    lossAtStop: moneyOrNull,
    conflicts: z.array(conflictSchema),
  })
  .meta({ id: 'LadderPreview' })
export type LadderPreview = z.output<typeof ladderPreviewSchema>

export const ladderPreviewBody = z
  .strictObject({
    symbol: z.string().max(50).optional().meta({ description: 'One of config.pairs; default the first' }),
    price: positiveMoneyText.meta({ description: 'Average fill price of the base order' }),
    config: dcaConfigSchema,
    balance: positiveMoneyText.optional().meta({ description: 'Of the bot, quote: for balance_pct sizes and balancePct' }),
  })
  .meta({ id: 'LadderPreviewRequest' })

export const ladderRoutes = {
  previewLadder: route({
    method: 'POST',
    path: '/ladder/preview',
    tag: 'Ladder',
    summary: 'The orders of a deal at a price',
    access: 'bots:read',
    body: ladderPreviewBody,
    responses: { 200: ladderPreviewSchema },
  }),
} as const
