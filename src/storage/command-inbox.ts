// What a user asked of a running bot, until its worker has done it. Commands are numbered; the run's saved state names the last one it
// took, in the same transaction as what the command changed, so each is done exactly once. Kept in bot_state under its own scope.

import { type Transaction, tenantOf } from './database.ts'

export type BotCommand =
  | { readonly kind: 'pause'; readonly untilMs: number | null }
  | { readonly kind: 'resume' }
  | { readonly kind: 'stop'; readonly openDeals: 'manage' | 'close' | 'release' }
  | { readonly kind: 'panic' }
  | { readonly kind: 'start_deal'; readonly symbol: string }
  /** The deal by its number within the run. */
  | { readonly kind: 'close_deal'; readonly tradeSeq: number }

export type NumberedCommand = BotCommand & { readonly n: number }

const SCOPE = 'commands'

/** Adds a command behind those that wait and wakes the worker. @returns its number. */
export async function appendCommand(
  tx: Transaction,
  botId: string,
  mode: 'paper' | 'live',
  command: BotCommand,
): Promise<number> {
  await tx.query(
    `insert into bot_state (bot_id, mode, scope, state, user_id) values ($1, $2, $3, '{"last": 0, "pending": []}', $4)
     on conflict (bot_id, mode, scope) do nothing`,
    [botId, mode, SCOPE, tenantOf(tx)],
  )
  const row = await tx.one<{ last: string }>(
    `update bot_state set version = version + 1, state = jsonb_build_object(
       'last', (state ->> 'last')::bigint + 1,
       'pending', (state -> 'pending') || jsonb_build_array($4::jsonb || jsonb_build_object('n', (state ->> 'last')::bigint + 1)))
     where bot_id = $1 and mode = $2 and scope = $3 returning state ->> 'last' as last`,
    [botId, mode, SCOPE, JSON.stringify(command)],
  )
  await tx.query(`select pg_notify('ek_command', $1)`, [JSON.stringify({ userId: tenantOf(tx), botId, command: command.kind })])
  return Number(row?.last ?? 0)
}

/** Commands after number `after`, in their order. */
export async function pendingCommands(
  tx: Transaction,
  botId: string,
  mode: 'paper' | 'live',
  after: number,
): Promise<NumberedCommand[]> {
  const row = await tx.one<{ pending: NumberedCommand[] }>(
    `select state -> 'pending' as pending from bot_state where bot_id = $1 and mode = $2 and scope = $3`,
    [botId, mode, SCOPE],
  )
  return (row?.pending ?? []).filter(command => command.n > after)
}

/** Number of the last command ever given: a new run starts behind it. */
export async function lastCommand(tx: Transaction, botId: string, mode: 'paper' | 'live'): Promise<number> {
  const row = await tx.one<{ last: string }>(
    `select state ->> 'last' as last from bot_state where bot_id = $1 and mode = $2 and scope = $3`,
    [botId, mode, SCOPE],
  )
  return Number(row?.last ?? 0)
}

/** Forgets commands that have been done. */
export async function forgetCommands(tx: Transaction, botId: string, mode: 'paper' | 'live', upTo: number): Promise<void> {
  await tx.query(
    `update bot_state set version = version + 1, state = jsonb_set(state, '{pending}', coalesce(
       (select jsonb_agg(each) from jsonb_array_elements(state -> 'pending') each where (each ->> 'n')::bigint > $4), '[]'))
     where bot_id = $1 and mode = $2 and scope = $3`,
    [botId, mode, SCOPE, upTo],
  )
}
