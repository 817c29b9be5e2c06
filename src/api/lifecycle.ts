// What a command does to a bot in each of its states (platform.md 3). 202: accepted, the holder of the lease will act. 200: it is so
// already. A refusal names its code. Start means both start-paper and start; a start never changes the mode of a bot that is on.
//
// | from               | start     | pause | resume | stop                          | delete         |
// |--------------------|-----------|-------|--------|-------------------------------|----------------|
// | inactive, stopped  | 202 new   | 409   | 409    | 200                           | 200            |
// | starting, running  | 200       | 202   | 200    | 202                           | 409 BOT_ACTIVE |
// | paused             | 409       | 200   | 202    | 202                           | 409 BOT_ACTIVE |
// | stopping           | 202 again | 409   | 409    | 200; close and release: 202   | 409 BOT_ACTIVE |
// | error              | 202 new   | 409   | 409    | 202                           | 200            |

import type { BotStatus, DesiredState, OpenDealsPolicy } from './bot-commands.ts'

export type LifecycleCommand = 'start' | 'pause' | 'resume' | 'stop' | 'delete'

export type Transition =
  /** A new run begins. */
  | 'new_run'
  /** The run that is there is told to change. */
  | 'change'
  /** Nothing to do. */
  | 'already'
  | 'INVALID_STATUS_TRANSITION'
  | 'BOT_ACTIVE'

const OFF: Record<LifecycleCommand, Transition> = {
  start: 'new_run',
  pause: 'INVALID_STATUS_TRANSITION',
  resume: 'INVALID_STATUS_TRANSITION',
  stop: 'already',
  delete: 'change',
}
const ON: Record<LifecycleCommand, Transition> = {
  start: 'already',
  pause: 'change',
  resume: 'already',
  stop: 'change',
  delete: 'BOT_ACTIVE',
}

export const LIFECYCLE: Record<BotStatus, Record<LifecycleCommand, Transition>> = {
  inactive: OFF,
  stopped: OFF,
  starting: ON,
  running: ON,
  paused: {
    start: 'INVALID_STATUS_TRANSITION',
    pause: 'already',
    resume: 'change',
    stop: 'change',
    delete: 'BOT_ACTIVE',
  },
  stopping: {
    start: 'change',
    pause: 'INVALID_STATUS_TRANSITION',
    resume: 'INVALID_STATUS_TRANSITION',
    stop: 'already',
    delete: 'BOT_ACTIVE',
  },
  error: { ...OFF, stop: 'change' },
}

export function transitionOf(status: BotStatus, command: LifecycleCommand, openDeals: OpenDealsPolicy = 'manage'): Transition {
  // A bot that works its deals to flat can still be told to be quicker about it.
  if (status === 'stopping' && command === 'stop' && openDeals !== 'manage') return 'change'
  return LIFECYCLE[status][command]
}

/**
 * The state a command finds: what was asked for last counts before it has been observed, so that a second pause is "so already" and
 * a start after a stop revives the same run.
 */
export function effectiveStatus(observed: BotStatus, desired: DesiredState): BotStatus {
  if (observed === 'inactive' || observed === 'stopped' || observed === 'error') return observed
  if (desired === 'stopped') return 'stopping'
  if (desired === 'paused') return 'paused'
  return observed === 'paused' || observed === 'stopping' ? 'running' : observed
}
