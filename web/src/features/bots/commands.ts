// What one may ask of a bot, when, and why not.

import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import type { Bot } from '../../../../src/contract/bots.ts'
import { ROUTES, type RouteName } from '../../../../src/contract/routes.ts'
import { ApiError, type CallInput, call } from '../../client/call.ts'
import { refresh } from '../../client/queries.ts'

export type BotAction = 'start' | 'pause' | 'resume' | 'stop' | 'panic' | 'deal' | 'delete'

/** Why an action does not fit the state now; null = it does. */
export function refusal(action: BotAction, status: Bot['status']): string | null {
  const active = status === 'starting' || status === 'running' || status === 'paused' || status === 'stopping'
  switch (action) {
    case 'start':
      return active ? (status === 'stopping' ? 'It is stopping; wait until its deals are closed' : 'It is running already') : null
    case 'pause':
      return status === 'running' || status === 'starting'
        ? null
        : status === 'paused'
          ? 'It is paused already'
          : 'It is not running'
    case 'resume':
      return status === 'paused' ? null : status === 'stopping' ? 'It is stopping' : 'It is not paused'
    case 'stop':
      return active || status === 'error' ? null : 'It is not running'
    case 'panic':
      return active ? null : 'It is not running'
    case 'deal':
      return status === 'running' ? null : status === 'paused' ? 'It is paused; resume it first' : 'It is not running'
    case 'delete':
      return active ? 'Stop it first' : null
  }
}

const CONCERNED: readonly RouteName[] = [
  'listBots',
  'getBot',
  'botStatus',
  'botRuns',
  'botLogs',
  'botTrades',
  'botPositions',
  'botOrders',
  'listTrades',
  'getTrade',
  'botFunds',
  'botVersions',
]

/** A command with its message; whatever shows the bot is read again. */
export function useCommand<N extends RouteName>(name: N, done: string | null) {
  return useMutation({
    mutationFn: (input: CallInput<N>) => call(name, input),
    onSuccess: async () => {
      if (done) notifications.show({ message: done, color: 'gain' })
      await refresh(...CONCERNED)
    },
    onError: (error: Error) => tell(error),
  })
}

export function tell(error: Error): void {
  const details = error instanceof ApiError ? error.details.map(one => `${one.path}: ${one.message}`).join('; ') : ''
  const request = error instanceof ApiError && error.requestId ? ` (request ${error.requestId})` : ''
  notifications.show({ color: 'loss', title: error.message, message: `${details}${request}`.trim(), autoClose: 12_000 })
}

/** Whether the contract names the endpoint: routes of later versions may be missing. */
export function hasRoute(name: string): name is RouteName {
  return Object.hasOwn(ROUTES, name)
}
