// Commands to bots and their deals, and what they answer: 202 when something will change, 200 when it was so already.

import type { FastifyReply } from 'fastify'
import { ERROR_STATUS, type ErrorCode } from '../../contract/errors.ts'
import { isUuid } from '../../storage/sql-types.ts'
import { ApiError, notFound } from '../api-error.ts'
import type { CommandAccepted, CommandOutcome, RunFeed, StartPaperRequest } from '../bot-commands.ts'
import type { Handler } from '../http.ts'
import { instantIso, instantMs } from '../list.ts'
import type { Gate } from '../route-registration.ts'
import { requireBot } from './bots.ts'

/** @throws the refusal. */
function acceptedOf(outcome: CommandOutcome): CommandAccepted {
  if (outcome.ok) return outcome
  const code: ErrorCode = outcome.code in ERROR_STATUS ? outcome.code : 'CONFLICT'
  throw new ApiError(code, outcome.message, { details: outcome.details })
}

function answer(outcome: CommandOutcome, reply: FastifyReply) {
  const { changed, botId, runId, mode, status, desiredState } = acceptedOf(outcome)
  reply.code(changed ? 202 : 200)
  return { botId, runId, mode, status, desiredState }
}

type FeedBody =
  | { kind: 'demo'; speed: number }
  | { kind: 'replay'; speed: number | 'max'; exchange?: string | undefined; from?: string | undefined; to?: string | undefined }

function feedOf(feed: FeedBody): RunFeed {
  if (feed.kind === 'demo') return feed
  const { kind, speed, exchange, from, to } = feed
  return {
    kind,
    speed,
    ...(exchange === undefined ? {} : { exchange }),
    ...(from === undefined ? {} : { fromMs: instantMs(from) }),
    ...(to === undefined ? {} : { toMs: instantMs(to) }),
  }
}

export const startPaper: Handler<'startPaper'> = async ({ context, principal, params, body, reply }) => {
  const request: StartPaperRequest = {
    ...(body?.initialBalance === undefined ? {} : { initialBalance: body.initialBalance }),
    ...(body?.feed === undefined ? {} : { feed: feedOf(body.feed) }),
    seed: body?.seed ?? 0,
    ...(body?.venue === undefined ? {} : { venue: body.venue }),
  }
  return answer(await context.commands.startPaper(principal.userId, params.id, request), reply)
}

/** What a live run would need and this server does not have; refused before anything else is looked at. */
export const liveGate: Gate = async (context, request) => {
  const { principal } = request
  if (principal === null) return
  const { id } = request.params as { id: string }
  const bot = await context.database.withTenant(principal.userId, tx => requireBot(tx, id), { readOnly: true })
  if (context.config.liveTradingEnabled !== true) {
    throw new ApiError(
      'LIVE_DISABLED',
      `Live trading is switched off. Missing: LIVE_TRADING_ENABLED=1 on the server, a tested exchange connection without withdrawal right, caps on position and daily loss, and the bot's name as confirmation. Start ${bot.name} with start-paper to test it`,
    )
  }
  const body = request.body
  const confirm = typeof body === 'object' && body !== null && 'confirm' in body ? body.confirm : undefined
  if (confirm !== bot.name) {
    throw new ApiError('CONFIRMATION_REQUIRED', `A live run of ${bot.name} needs "confirm" with exactly this name`)
  }
}

export const startLive: Handler<'startLive'> = async () => {
  throw new ApiError('CONNECTION_REQUIRED', 'A live run needs an exchange connection, and this version has none yet')
}

export const stopBot: Handler<'stopBot'> = async ({ context, principal, params, body, reply }) =>
  answer(await context.commands.stop(principal.userId, params.id, body?.openDeals ?? 'manage'), reply)

export const pauseBot: Handler<'pauseBot'> = async ({ context, principal, params, body, reply }) => {
  const until = instantIso('until', body?.until)
  const request = { ...(body?.reason === undefined ? {} : { reason: body.reason }), ...(until === undefined ? {} : { until }) }
  return answer(await context.commands.pause(principal.userId, params.id, request), reply)
}

export const resumeBot: Handler<'resumeBot'> = async ({ context, principal, params, reply }) =>
  answer(await context.commands.resume(principal.userId, params.id), reply)

export const startDeal: Handler<'startDeal'> = async ({ context, principal, params, body }) => {
  const outcome = acceptedOf(await context.commands.startDeal(principal.userId, params.id, body?.symbol ?? null))
  return { commandId: outcome.commandId ?? '', botId: outcome.botId, symbol: outcome.symbol ?? '' }
}

export const panicBot: Handler<'panicBot'> = async ({ context, principal, params, reply }) =>
  answer(await context.commands.panic(principal.userId, params.id), reply)

export const closeTrade: Handler<'closeTrade'> = async ({ context, principal, params, reply }) => {
  if (!isUuid(params.id)) throw notFound(`deal ${params.id}`)
  return answer(await context.commands.closeDeal(principal.userId, params.id), reply)
}
