/** What a person wants to know at a glance: how the bots do, what the money does, what needs attention. */

import { z } from 'zod'
import { decisionSchema, eventSchema } from './decisions.ts'
import { money, route } from './http.ts'

export const dashboardSchema = z
  .object({
    mode: z.enum(['paper', 'live']),
    bots: z.object({ total: z.int(), running: z.int(), paused: z.int(), stopped: z.int(), error: z.int() }),
    openDeals: z.int(),
    funds: z.array(
      z.object({
        currency: z.string(),
        free: money,
        locked: money,
        total: money,
        positionValue: money,
        equity: money.meta({ description: 'Cash of the bots and the value of their open lots' }),
        unrealizedPnl: money,
      }),
    ),
    today: z
      .object({ closedDeals: z.int(), netPnl: z.array(z.object({ currency: z.string(), amount: money })) })
      .meta({ description: 'Deals closed since 00:00 in the time zone of the person' }),
    attention: z.array(eventSchema).meta({ description: 'The last warnings and errors of a week' }),
    lastDecisions: z.array(decisionSchema),
  })
  .meta({ id: 'Dashboard' })
export type Dashboard = z.output<typeof dashboardSchema>

export const dashboardRoutes = {
  dashboardSummary: route({
    method: 'GET',
    path: '/dashboard/summary',
    tag: 'Dashboard',
    summary: 'Bots, money, attention',
    access: 'bots:read',
    query: z.strictObject({ mode: z.enum(['paper', 'live']).default('paper') }),
    responses: { 200: dashboardSchema },
  }),
} as const
