// What the safety record says, in words, and asking for it.

import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import type { SafetyRecordView, SafetyView } from '../../../../src/contract/safety.ts'
import { ApiError, type CallInput, call } from '../../client/call.ts'
import { refresh, useRead } from '../../client/queries.ts'

/** What others set on this instance comes by no message of one's own stream. */
const EVERY_MS = 15_000

export function useSafety() {
  return useRead('getSafety', {}, { everyMs: EVERY_MS })
}

export type Level = SafetyRecordView['level']

export const LEVELS: Readonly<Record<Level, { readonly label: string; readonly tone: string; readonly sign: string }>> = {
  normal: { label: 'Normal', tone: 'gain', sign: '✓' },
  paused: { label: 'Paused', tone: 'brass', sign: '❙❙' },
  reduce_only: { label: 'Close-only', tone: 'brass', sign: '!' },
  halted: { label: 'Halted', tone: 'loss', sign: '■' },
}

const CAUSES: Readonly<Record<string, string>> = {
  daily_loss: 'the daily loss limit',
  drawdown: 'the drawdown limit',
  reject_rate: 'the limit of refused orders',
  order_rate: 'the limit of orders',
  broken_invariant: 'the program, after a mistake of its own',
  disk: 'the disk watch',
}

export function byWhom(actor: SafetyRecordView['actor']): string {
  if (actor === null) return ''
  return actor.kind === 'trigger' ? (CAUSES[actor.name] ?? actor.name) : actor.name
}

/** The record that rules everything: the strictest of the instance and the person, the instance first. */
export function rulingRecord({ level, records }: SafetyView): SafetyRecordView | undefined {
  return records.find(each => (each.scope === 'global' || each.scope === 'tenant') && each.level === level)
}

export function narrowRecords({ records }: SafetyView): SafetyRecordView[] {
  return records.filter(each => (each.scope === 'bot' || each.scope === 'account') && each.level !== 'normal')
}

type Changing = 'killSwitch' | 'resetSafety' | 'setSafetyLimits'

/** A change, after which everything that shows the record is read again. */
export function useSafetyChange<N extends Changing>(name: N, done: string) {
  return useMutation({
    mutationFn: (input: CallInput<N>) => call(name, input),
    onSuccess: async () => {
      notifications.show({ message: done, color: 'gain' })
      await refresh('getSafety', 'safetyHistory', 'systemStatus', 'listBots', 'getBot', 'botStatus', 'listEvents')
    },
  })
}

/** What the server says of one field; undefined when it says nothing of it. */
export function saidOf(error: Error | null, field: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined
  if (field === 'password' && error.code === 'STEP_UP_REQUIRED') return 'The password is wrong'
  const said = error.details.filter(one => one.path === field || one.path === `limits.${field}`).map(one => one.message)
  return said.length > 0 ? said.join('; ') : undefined
}
