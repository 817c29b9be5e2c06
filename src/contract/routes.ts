/** Every endpoint there is, by the name the typed client calls it. The server registers these and nothing else. */

import type { z } from 'zod'
import { authRoutes } from './auth.ts'
import { botRoutes } from './bots.ts'
import { dashboardRoutes } from './dashboard.ts'
import { decisionRoutes } from './decisions.ts'
import { fundsRoutes } from './funds.ts'
import { ladderRoutes } from './ladder.ts'
import { ledgerRoutes } from './ledger.ts'
import { marketRoutes } from './market.ts'
import { orderRoutes } from './orders.ts'
import { parityRoutes } from './parity.ts'
import { positionRoutes } from './positions.ts'
import { runRoutes } from './runs.ts'
import { safetyRoutes } from './safety.ts'
import { systemRoutes } from './system.ts'
import { tradeRoutes } from './trades.ts'

/** By the name of the typed client; a router must prefer static paths to parameters (`/trades/summary` to `/trades/{id}`). */
export const ROUTES = {
  ...systemRoutes,
  ...authRoutes,
  ...botRoutes,
  ...runRoutes,
  ...orderRoutes,
  ...positionRoutes,
  ...fundsRoutes,
  ...tradeRoutes,
  ...parityRoutes,
  ...ledgerRoutes,
  ...decisionRoutes,
  ...dashboardRoutes,
  ...ladderRoutes,
  ...marketRoutes,
  ...safetyRoutes,
} as const

export type RouteName = keyof typeof ROUTES

type Schema<R, K extends string> = R extends Record<K, infer S> ? S : undefined
type InputOf<S> = S extends z.ZodType ? z.input<S> : undefined

/** What a client sends. */
export type RouteParams<N extends RouteName> = InputOf<Schema<(typeof ROUTES)[N], 'params'>>
export type RouteQuery<N extends RouteName> = InputOf<Schema<(typeof ROUTES)[N], 'query'>>
export type RouteBody<N extends RouteName> = InputOf<Schema<(typeof ROUTES)[N], 'body'>>

type ResponsesOf<N extends RouteName> = (typeof ROUTES)[N]['responses']
/** What a client gets; null where there is no body. */
export type RouteResponse<N extends RouteName> = {
  [Status in keyof ResponsesOf<N>]: ResponsesOf<N>[Status] extends z.ZodType ? z.output<ResponsesOf<N>[Status]> : null
}[keyof ResponsesOf<N>]
