// evenkeel kill-switch: stops new exposure at once, or allows it again. Works while the server runs (its workers act at once) and while it
// does not (they find it at their start). On the machine itself no password is asked for: whoever can open the database directory owns
// it; who it was and why stands in the history all the same.

import { userInfo } from 'node:os'
import { SAFETY_LEVELS, type SafetyScope } from '../core/risk/safety.ts'
import type { ScopeSafety } from '../core/risk/safety-record.ts'
import type { Database, Transaction } from '../storage/database.ts'
import { changeSafety, readSafetyScopes, type SafetyTarget, tighten } from '../storage/safety-store.ts'
import { openVerbDatabase } from './database.ts'
import { textTable } from './table.ts'
import { CliError, choiceOption, EXIT, textOption, UsageError, type Verb, type VerbContext } from './verb.ts'

const ACTIONS = ['status', 'on', 'off'] as const
const SCOPES = ['global', 'tenant', 'account', 'bot'] as const
const LEVELS = ['halted', 'reduce_only', 'paused'] as const

interface Place {
  readonly target: SafetyTarget
  /** Whose it is; null for the whole instance. */
  readonly userId: string | null
  /** With its id, as people know it. */
  readonly name: string
}

/** Finds whose bot, account or person is meant. @throws UsageError, NOT_FOUND. */
async function placeOf(database: Database, context: VerbContext): Promise<Place> {
  const scope: SafetyScope = choiceOption(context, 'scope', SCOPES) ?? 'global'
  const id = textOption(context, 'id')
  if (scope === 'global') {
    if (id !== undefined) throw new UsageError('--id', id, 'the whole instance has no id; leave it out or give --scope')
    return { target: { scope, scopeId: null }, userId: null, name: 'the whole instance' }
  }
  const { rows } = await database.withSystem(tx =>
    tx.query<{ id: string; user_id: string; name: string }>(WHOSE[scope], [id ?? null]),
  )
  if (rows.length === 0) {
    throw id === undefined
      ? new UsageError('--id', undefined, HINTS[scope])
      : new CliError(EXIT.failed, 'NOT_FOUND', `There is no ${NOUNS[scope]} ${id}: ${HINTS[scope]}`)
  }
  if (rows.length > 1) throw new UsageError('--id', id, HINTS[scope])
  const [row] = rows
  const { id: scopeId, user_id: userId, name } = row!
  return { target: { scope, scopeId }, userId, name: `${NOUNS[scope]} ${name} (${scopeId})` }
}

type OwnScope = Exclude<SafetyScope, 'global'>
/** A person may be named by the address, and need not be where there is only one. */
const WHOSE: Readonly<Record<OwnScope, string>> = {
  tenant:
    'select id::text as id, id as user_id, email as name from users where $1::text is null or id::text = $1 or lower(email) = lower($1)',
  account:
    'select id::text as id, user_id, nickname as name from exchange_keys where deleted_at is null and ($1::text is null or id::text = $1)',
  bot: 'select bot_id as id, user_id, name from bots where deleted_at is null and bot_id = $1',
}
const HINTS: Readonly<Record<OwnScope, string>> = {
  tenant: 'give --id with the e-mail address of the person',
  account: 'give --id with the id of the exchange connection',
  bot: 'give --id with the id that `evenkeel bots list` shows',
}
const NOUNS: Readonly<Record<OwnScope, string>> = { tenant: 'person', account: 'exchange account', bot: 'bot' }

function inPlace<T>(database: Database, { userId }: Place, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return userId === null ? database.withApp(work) : database.withTenant(userId, work)
}

function reasonOf(context: VerbContext): string {
  const reason = textOption(context, 'reason')?.trim() ?? ''
  if (reason.length < 3 || reason.length > 500) {
    throw new UsageError('--reason', reason, 'say in 3 to 500 characters why; it is kept in the history')
  }
  return reason
}

function plain(safety: ScopeSafety): object {
  const { scope, scopeId, level, reason, actor, problem, changedAtMs, rowVersion } = safety
  const since = changedAtMs === null ? null : new Date(changedAtMs).toISOString()
  return { scope, scopeId, level, reason, actor, problem, since, version: rowVersion }
}

/** Every record there is, of everybody, the disappeared ones too. */
async function allScopes(database: Database): Promise<ScopeSafety[]> {
  const { rows: users } = await database.withSystem(tx => tx.query<{ id: string }>('select id from users order by created_at'))
  const found = await database.withApp(tx => readSafetyScopes(tx))
  for (const { id } of users) {
    const own = await database.withTenant(id, tx => readSafetyScopes(tx, { all: true }))
    found.push(...own.filter(each => each.scope !== 'global'))
  }
  return found
}

const STAYS = 'Stops and targets stay in place; exits go on.'

function tableOf(restricted: readonly ScopeSafety[]): string[] {
  return textTable(
    ['scope', 'id', 'level', 'since', 'by', 'reason'],
    restricted.map(each => [
      each.scope,
      each.scopeId ?? '-',
      each.level,
      each.changedAtMs === null ? '-' : new Date(each.changedAtMs).toISOString(),
      each.actor ?? '-',
      each.reason,
    ]),
  )
}

async function status(database: Database, context: VerbContext): Promise<number> {
  const scopes = await allScopes(database)
  const restricted = scopes.filter(each => each.level !== 'normal')
  const [instance] = scopes
  context.out.result({ level: instance?.level ?? 'halted', records: scopes.map(plain) }, () =>
    restricted.length === 0 ? ['normal: nothing is restricted'] : [...tableOf(restricted), STAYS],
  )
  return EXIT.ok
}

async function change(database: Database, context: VerbContext, action: 'on' | 'off'): Promise<number> {
  const reason = reasonOf(context)
  const actor = `cli:${userInfo().username}`
  const place = await placeOf(database, context)
  const level = choiceOption(context, 'level', LEVELS) ?? 'halted'
  if (action === 'off' && textOption(context, 'level') !== undefined) {
    throw new UsageError('--level', level, '`off` allows normal trading again; leave it out')
  }
  const { now, changed } = await inPlace(database, place, tx =>
    changeSafety(tx, place.target, current => {
      if (action === 'off') return current.level === 'normal' ? null : { state: 'normal', reason, actor }
      if (current.problem === null && SAFETY_LEVELS.indexOf(current.level) > SAFETY_LEVELS.indexOf(level)) {
        throw new CliError(
          EXIT.refused,
          'SAFETY_STATE',
          `It is ${current.level} already (${current.reason}): ${level} would be laxer. First: evenkeel kill-switch off --reason ...`,
        )
      }
      return tighten({ state: level, reason, actor })(current)
    }),
  )
  const others = (await allScopes(database)).filter(
    each => each.level !== 'normal' && !(each.scope === now.scope && each.scopeId === now.scopeId),
  )
  context.out.result({ changed, record: plain(now), others: others.map(plain) }, () => [
    ...(action === 'on' ? turnedOn(place, now, changed) : turnedOff(place, changed)),
    ...(others.length === 0 ? [] : ['', action === 'on' ? 'Restricted besides:' : 'Still restricted:', ...tableOf(others)]),
    ...(action === 'off' && others.length === 0 ? ['Nothing is restricted any more.'] : []),
    ...(action === 'off' && others.length > 0 ? ['Each is ended by itself: kill-switch off --scope SCOPE --id ID'] : []),
  ])
  return EXIT.ok
}

function turnedOn({ name }: Place, { level }: ScopeSafety, changed: boolean): string[] {
  return [
    changed
      ? `${name}: ${level} from now on; running workers act at once, others at their start`
      : `${name}: was ${level} already`,
    STAYS,
  ]
}

function turnedOff({ name }: Place, changed: boolean): string[] {
  return [
    changed
      ? `${name}: normal again; running workers act at once, others at their start`
      : `${name}: nothing was set there, nothing was changed`,
  ]
}

export const verb: Verb = {
  name: 'kill-switch',
  summary: 'stop new exposure at once, or allow it again',
  usage: '[status|on|off] [--scope global|tenant|account|bot] [--id ID] [--level halted|reduce_only|paused] --reason TEXT',
  details:
    'on refuses entries and takes entry orders back; stops, targets and exits go on, and nothing is sold by it. off ends what on, a limit\n' +
    'or the disk has set. Without a scope the whole instance is meant. It survives restarts; a damaged record means halted.',
  options: {
    scope: { type: 'string', value: 'SCOPE', help: 'global, tenant (a person), account or bot; global' },
    id: { type: 'string', value: 'ID', help: 'which person (e-mail address), exchange account or bot' },
    level: { type: 'string', value: 'LEVEL', help: 'with on: halted, reduce_only or paused; halted' },
    reason: { type: 'string', value: 'TEXT', help: 'why; kept in the history' },
  },
  async run(context) {
    const [given = 'status', ...rest] = context.args
    const action = ACTIONS.find(each => each === given)
    if (action === undefined || rest.length > 0)
      throw new UsageError('action', [given, ...rest].join(' '), `one of ${ACTIONS.join(', ')}`)
    if (action !== 'status') reasonOf(context)
    const database = await openVerbDatabase(context)
    try {
      return action === 'status' ? await status(database, context) : await change(database, context, action)
    } finally {
      await database.close()
    }
  },
}
