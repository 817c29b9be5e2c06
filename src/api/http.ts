// What a route's handler is given, and what it may answer.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Scope } from '../contract/http.ts'
import type { ROUTES, RouteName } from '../contract/routes.ts'
import type { DiskStatus } from '../runs/disk-watch.ts'
import type { Database } from '../storage/database.ts'
import type { Log } from '../storage/log.ts'
import type { BotCommands } from './bot-commands.ts'
import type { CandleReader } from './candle-reader.ts'
import type { ApiConfig } from './config.ts'
import type { StreamHub } from './stream/hub.ts'

export type Role = 'owner' | 'admin' | 'trader' | 'viewer'

/** Who asks: a signed-in browser, or a program with a token. */
export interface Principal {
  readonly userId: string
  readonly email: string
  readonly role: Role
  readonly sessionId: string | null
  readonly tokenId: string | null
  /** Of a token; null for a session, which may do all its role may. */
  readonly scopes: ReadonlySet<Scope> | null
  /** What a browser must send back with every unsafe request; null for a token. */
  readonly csrfToken: string | null
}

export interface ApiContext {
  readonly database: Database
  readonly commands: BotCommands
  readonly candles: CandleReader
  readonly config: ApiConfig
  readonly clock: { now(): number }
  readonly random: (bytes: number) => Buffer
  readonly log: Log
  readonly version: string
  readonly startedAtMs: number
  readonly readiness: () => { readonly reconciled: boolean }
  /** When each token was last noted as used: token id -> epoch ms. */
  readonly tokenUses: Map<string, number>
  /** Shown at start for the first sign-up from another machine; null where none is needed. */
  readonly signUpCode: SignUpCode
  readonly stream: StreamHub
  /** Of EVENKEEL_HOME; null where nobody watches it. */
  readonly disk: () => DiskStatus | null
}

/** The code of the first sign-up, with the guesses that are left. */
export interface SignUpCode {
  /** Null once an owner exists, and where the server is only reached from its own machine. */
  value: string | null
  guessesLeft: number
}

type Part<N extends RouteName, K extends string> =
  (typeof ROUTES)[N] extends Record<K, infer S> ? (S extends z.ZodType ? z.output<S> : undefined) : undefined

/** A request whose parts have been read by the contract's schemas, defaults filled. */
export interface ApiRequest<N extends RouteName = RouteName> {
  readonly context: ApiContext
  /** Set on every route that is not public. */
  readonly principal: Principal
  readonly params: Part<N, 'params'>
  readonly query: Part<N, 'query'>
  readonly body: Part<N, 'body'>
  readonly raw: FastifyRequest
  readonly reply: FastifyReply
}

/** What a handler hands out it may still hold as read-only. */
type Loose<T> = T extends readonly (infer E)[]
  ? readonly Loose<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Loose<T[K]> }
    : T

type Answers<N extends RouteName> = (typeof ROUTES)[N]['responses']
/** What a route may answer, by its own schemas. */
export type Answer<N extends RouteName> = {
  [Status in keyof Answers<N>]: Answers<N>[Status] extends z.ZodType ? Loose<z.input<Answers<N>[Status]>> : null
}[keyof Answers<N>]

/** Answers the body; the status is the route's first unless `request.reply.code` was called. */
export type Handler<N extends RouteName> = (request: ApiRequest<N>) => Promise<Answer<N>>
export type Handlers = { readonly [N in RouteName]: Handler<N> }
