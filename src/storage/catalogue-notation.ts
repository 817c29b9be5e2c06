// Reads the catalogue's notation into definitions: columns with type, nullability, default and CHECK list, references with the
// composite tenant key where both sides belong to a tenant, keys and indexes, row level security class.

export type RlsClass = 'T' | 'A' | 'X' | 'G' | 'C' | 'Y'

export type ColumnType = 'text' | 'uuid' | 'exact_num' | 'integer' | 'bigint' | 'boolean' | 'timestamptz' | 'jsonb'

export interface ColumnDefinition {
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
  /** SQL of the default as Postgres prints it; null without one. `identity` and `generated` are not defaults but kinds. */
  readonly default: string | null
  readonly kind: 'plain' | 'identity' | 'generated'
  /** Allowed values where the notation lists them. */
  readonly values: readonly string[] | null
}

export interface ReferenceDefinition {
  readonly column: string
  readonly table: string
}

export interface IndexDefinition {
  readonly name: string | null
  /** Column names or one expression. */
  readonly columns: readonly string[]
  readonly unique: boolean
  readonly where: string | null
}

export interface TableDefinition {
  readonly name: string
  readonly area: string
  readonly rls: RlsClass
  readonly retention: string
  readonly columns: readonly ColumnDefinition[]
  readonly primaryKey: readonly string[]
  readonly references: readonly ReferenceDefinition[]
  readonly indexes: readonly IndexDefinition[]
  readonly checks: readonly string[]
  /** Column that names the tenant: user_id, or id of users; null outside the tenants' classes. */
  readonly tenantColumn: string | null
  /** Rows of the system (no user) exist beside the tenants' rows. */
  readonly systemRows: boolean
}

const TYPES: Record<string, ColumnType> = {
  '': 'text',
  u: 'uuid',
  n: 'exact_num',
  i: 'integer',
  l: 'bigint',
  b: 'boolean',
  z: 'timestamptz',
  j: 'jsonb',
}

const SHORT_FORMS: Record<string, string> = {
  '@bot': 'bot_id->bots',
  '@bot?': 'bot_id?->bots',
  '@run': 'run_id:u->bot_runs',
  '@run?': 'run_id:u?->bot_runs',
  '@trade': 'trade_id:u->trades',
  '@trade?': 'trade_id:u?->trades',
  '@order': 'order_id:u->order_logs',
  '@conn': 'connection_id:u?->exchange_keys',
  '@inst': 'symbol instrument_id->instruments',
  '@mode': 'mode{backtest/paper/live}',
}

/** Tables whose rows may be read by every tenant when they belong to none. */
const GLOBAL_ROWS_VISIBLE = new Set(['settings', 'safety_record', 'jobs', 'job_schedules'])

export function globalRowsVisible(table: TableDefinition): boolean {
  return table.systemRows && GLOBAL_ROWS_VISIBLE.has(table.name)
}

interface Token {
  readonly text: string
  readonly key: boolean
}

/** Spreads groups, short forms and PK(...) into one column text each. */
function tokens(columns: string): Token[] {
  const out: Token[] = []
  const pushAll = (text: string, key: boolean): void => {
    for (const part of splitOutsideBrackets(text)) {
      const group = /^([a-z])(0|\?)?\((.*)\)$/.exec(part)
      const primary = /^PK\((.*)\)$/.exec(part)
      if (primary) pushAll(primary[1]!, true)
      else if (group && part[1] !== ':') {
        const zero = group[1] === 'b' ? '=false' : '=0'
        for (const name of group[3]!.split(' ')) {
          out.push({ text: `${name}:${group[1]}${group[2] === '0' ? zero : (group[2] ?? '')}`, key })
        }
      } else if (SHORT_FORMS[part]) pushAll(SHORT_FORMS[part], key)
      else out.push({ text: part, key })
    }
  }
  pushAll(columns, false)
  if (!out.some(token => token.key)) out[0] = { text: out[0]!.text, key: true }
  return out
}

function splitOutsideBrackets(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const character of text) {
    if (character === '(') depth += 1
    if (character === ')') depth -= 1
    if (character === ' ' && depth === 0) {
      if (part) parts.push(part)
      part = ''
    } else part += character
  }
  if (part) parts.push(part)
  return parts
}

function parseColumn(text: string, isKey: boolean): { column: ColumnDefinition; reference: ReferenceDefinition | null } {
  const match = /^([a-z_0-9]+)(?::([a-z]))?(\?)?(?:\{([^}]+)\})?(?::?([a-z])?(\?)?)?(?:->([a-z_]+))?(?:=(.+))?$/.exec(text)
  if (!match) throw new Error(`catalogue: cannot read column ${text}`)
  const [, name, letter = '', nullable, values, , , references, given] = match
  const type = TYPES[letter]
  if (!name || !type) throw new Error(`catalogue: cannot read column ${text}`)
  let kind: ColumnDefinition['kind'] = 'plain'
  let defaultSql: string | null = null
  if (given === 'generated' || given === 'identity') kind = given
  else if (given !== undefined) defaultSql = defaultText(type, given)
  else if (type === 'jsonb' && !nullable) defaultSql = "'{}'::jsonb"
  else if (isKey && name === 'id' && type === 'bigint') kind = 'identity'
  else if (isKey && type === 'uuid' && !references && name !== 'user_id') defaultSql = 'gen_random_uuid()'
  return {
    column: { name, type, nullable: nullable === '?', default: defaultSql, kind, values: values ? values.split('/') : null },
    reference: references ? { column: name, table: references } : null,
  }
}

function defaultText(type: ColumnType, given: string): string {
  if (type === 'text') return `${given}::text`
  if (type === 'exact_num') return `(${given})::numeric`
  if (type === 'bigint') return `'${given}'::bigint`
  return given
}

function parseIndex(text: string): IndexDefinition | null {
  const match = /^(U|I|idx_[a-z_]+)\(([^()]+)\)(?: where (.+))?$/.exec(text)
  const expression = /^(U)\(([a-z_]+\([a-z_]+\))\)$/.exec(text)
  const found = expression ?? match
  if (!found) return null
  const kind = found[1]!
  return {
    name: kind === 'U' || kind === 'I' ? null : kind,
    columns: expression ? [found[2]!] : found[2]!.split(','),
    unique: kind === 'U',
    where: found[3] ?? null,
  }
}

function parseKeys(keys: string): { indexes: IndexDefinition[]; checks: string[] } {
  const indexes: IndexDefinition[] = []
  const checks: string[] = []
  for (const clause of keys.split(';').map(part => part.trim())) {
    if (clause === '') continue
    const whole = parseIndex(clause)
    if (whole) {
      indexes.push(whole)
      continue
    }
    const parts = splitOutsideBrackets(clause).map(parseIndex)
    if (parts.every(part => part !== null)) indexes.push(...parts)
    else checks.push(clause)
  }
  return { indexes, checks }
}

/** @throws Error on text that is not of the notation: our own mistake. */
export function parseTable(
  area: string,
  name: string,
  rls: string,
  retention: string,
  columnsText: string,
  keysText: string,
): TableDefinition {
  const columns: ColumnDefinition[] = []
  const references: ReferenceDefinition[] = []
  const primaryKey: string[] = []
  const systemRows = columnsText.split(' ').includes('user?')
  for (const token of tokens(columnsText)) {
    if (token.text === 'user?') continue
    const { column, reference } = parseColumn(token.text, token.key)
    columns.push(column)
    if (reference) references.push(reference)
    if (token.key) primaryKey.push(column.name)
  }
  const implicit = (columnName: string, type: ColumnType, nullable: boolean, defaultSql: string | null): void => {
    if (!columns.some(column => column.name === columnName)) {
      columns.push({ name: columnName, type, nullable, default: defaultSql, kind: 'plain', values: null })
    }
  }
  const tenant = rls === 'T' || rls === 'A' || rls === 'X'
  if (tenant && name !== 'users') {
    implicit('user_id', 'uuid', systemRows, null)
    references.push({ column: 'user_id', table: 'users' })
  }
  implicit('created_at', 'timestamptz', false, 'now()')
  if (rls !== 'A' && rls !== 'G') implicit('updated_at', 'timestamptz', false, 'now()')
  return {
    name,
    area,
    rls: rls as RlsClass,
    retention,
    columns,
    primaryKey,
    references,
    ...parseKeys(keysText),
    tenantColumn: tenant ? (name === 'users' ? 'id' : 'user_id') : null,
    systemRows,
  }
}

/** Tables into which the app role inserts by a function of schema ek alone. */
const ONE_DOOR = new Set(['ledger_accounts', 'ledger_transfers'])

export function hasOneDoor(table: TableDefinition): boolean {
  return ONE_DOOR.has(table.name)
}

/** Commands granted to the app role and to `authenticated`, by class and retention. */
export function grantsOf(table: TableDefinition): { app: readonly string[]; authenticated: readonly string[] } {
  const granted = grantsOfClass(table)
  return hasOneDoor(table) ? { ...granted, app: granted.app.filter(command => command !== 'INSERT') } : granted
}

function grantsOfClass(table: TableDefinition): ReturnType<typeof grantsOf> {
  const S = 'SELECT'
  switch (table.rls) {
    case 'T':
      return { app: table.retention === 'F' ? [S, 'INSERT', 'UPDATE'] : [S, 'INSERT', 'UPDATE', 'DELETE'], authenticated: [S] }
    case 'A':
      return { app: [S, 'INSERT'], authenticated: [S] }
    case 'X':
      return { app: [S, 'INSERT', 'UPDATE', 'DELETE'], authenticated: [] }
    case 'G':
      return { app: [S, 'INSERT', 'UPDATE'], authenticated: [S] }
    case 'C':
      return { app: [S], authenticated: [S] }
    case 'Y':
      return { app: [], authenticated: [] }
  }
}
