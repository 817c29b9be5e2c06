// Compares the database with the catalogue, name by name: tables, columns, keys, foreign keys, indexes, row level security, policies,
// grants and the history of migrations. Each difference is one sentence.

import { CATALOGUE, type TableDefinition } from './catalogue.ts'
import { globalRowsVisible, grantsOf } from './catalogue-notation.ts'
import type { Transaction } from './database.ts'
import { readMigrations } from './migrate.ts'

interface TableState {
  readonly name: string
  readonly kind: string
  readonly secured: boolean
  readonly forced: boolean
}

async function tableStates(tx: Transaction, schema: string): Promise<Map<string, TableState>> {
  const { rows } = await tx.query<TableState>(
    `select relname as name, relkind::text as kind, relrowsecurity as secured, relforcerowsecurity as forced
     from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')`,
    [schema],
  )
  return new Map(rows.map(row => [row.name, row]))
}

/** Tables that are missing, and tables nobody knows. */
export async function compareTables(tx: Transaction, schema: string): Promise<string[]> {
  const found = await tableStates(tx, schema)
  const known = new Set(CATALOGUE.map(table => table.name))
  return [
    ...CATALOGUE.filter(table => !found.has(table.name)).map(table => `table ${table.name} is missing`),
    ...[...found.keys()].filter(name => !known.has(name)).map(name => `table ${name} is not in the catalogue`),
  ]
}

interface ColumnState {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly default: string | null
  readonly identity: boolean
  readonly generated: boolean
}

/** `'0'::bigint`, `(0)::numeric` and `0` are one default. */
function plainDefault(text: string | null): string | null {
  if (text === null) return null
  const bare = text.replace(/::[a-z_."]+$/, '').replace(/^\((.*)\)$/, '$1')
  return bare.replace(/^'(-?\d+)'$/, '$1')
}

/** Columns with another name, type, nullability or default than the catalogue's. */
export async function compareColumns(tx: Transaction, schema: string): Promise<string[]> {
  const { rows } = await tx.query<ColumnState>(
    `select c.relname as table, a.attname as name, coalesce(d.typname, format_type(a.atttypid, a.atttypmod)) as type,
       a.attnotnull as required, case when a.attgenerated = '' then pg_get_expr(x.adbin, x.adrelid) end as default,
       a.attidentity <> '' as identity, a.attgenerated <> '' as generated
     from pg_attribute a join pg_class c on c.oid = a.attrelid
     left join pg_type d on d.oid = a.atttypid and d.typtype = 'd'
     left join pg_attrdef x on x.adrelid = a.attrelid and x.adnum = a.attnum
     where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`,
    [schema],
  )
  const states = new Map(rows.map(row => [`${row.table}.${row.name}`, row]))
  const differences: string[] = []
  for (const table of CATALOGUE) {
    for (const column of table.columns) {
      const path = `${table.name}.${column.name}`
      const state = states.get(path)
      states.delete(path)
      if (!state) {
        differences.push(`column ${path} is missing`)
        continue
      }
      const type = column.type === 'timestamptz' ? 'timestamp with time zone' : column.type
      if (state.type !== type) differences.push(`column ${path} is ${state.type}, not ${type}`)
      const required = column.kind === 'generated' ? state.required : !column.nullable
      if (state.required !== required) differences.push(`column ${path} is ${state.required ? 'not null' : 'nullable'}`)
      if (state.identity !== (column.kind === 'identity'))
        differences.push(`column ${path} ${state.identity ? 'is' : 'is not'} an identity`)
      if (state.generated !== (column.kind === 'generated'))
        differences.push(`column ${path} ${state.generated ? 'is' : 'is not'} generated`)
      if (plainDefault(state.default) !== plainDefault(column.default)) {
        differences.push(`column ${path} has default ${state.default ?? 'none'}, not ${column.default ?? 'none'}`)
      }
    }
  }
  const known = new Set(CATALOGUE.map(table => table.name))
  for (const state of states.values()) {
    if (known.has(state.table)) differences.push(`column ${state.table}.${state.name} is not in the catalogue`)
  }
  return differences
}

interface ConstraintState {
  readonly table: string
  readonly kind: 'p' | 'f' | 'u' | 'c'
  readonly columns: string[]
  readonly target: string | null
  readonly targetColumns: string[] | null
  readonly action: string
  readonly text: string
}

interface IndexState {
  readonly table: string
  readonly name: string
  readonly unique: boolean
  readonly valid: boolean
  readonly columns: string[]
  readonly text: string
  readonly condition: string | null
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().join() === [...b].sort().join()
}

function normal(condition: string): string {
  return condition
    .toLowerCase()
    .replace(/::[a-z]+(\[\])?/g, '')
    .replace(/= any \(array\[([^\]]*)\]\)/g, 'in ($1)')
    .replace(/<> all \(array\[([^\]]*)\]\)/g, 'not in ($1)')
    .replace(/[()\s]/g, '')
}

async function compareKeys(tx: Transaction, schema: string): Promise<string[]> {
  const { rows: constraints } = await tx.query<ConstraintState>(
    `select c.relname as table, k.contype::text as kind,
       array(select a.attname::text from unnest(k.conkey) with ordinality u(n, o) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by o) as columns,
       f.relname as target,
       array(select a.attname::text from unnest(k.confkey) with ordinality u(n, o) join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by o) as "targetColumns",
       k.confdeltype::text as action, pg_get_constraintdef(k.oid) as text
     from pg_constraint k join pg_class c on c.oid = k.conrelid left join pg_class f on f.oid = k.confrelid
     where c.relnamespace = $1::regnamespace`,
    [schema],
  )
  const { rows: indexes } = await tx.query<IndexState>(
    `select c.relname as table, i.relname as name, x.indisunique as unique, x.indisvalid as valid,
       array(select pg_get_indexdef(x.indexrelid, n, true) from generate_series(1, x.indnkeyatts) n) as columns,
       pg_get_indexdef(x.indexrelid) as text, pg_get_expr(x.indpred, x.indrelid) as condition
     from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
     where c.relnamespace = $1::regnamespace`,
    [schema],
  )
  const differences: string[] = []
  for (const table of CATALOGUE) {
    const own = constraints.filter(constraint => constraint.table === table.name)
    const ownIndexes = indexes.filter(index => index.table === table.name)
    const primary = own.find(constraint => constraint.kind === 'p')
    if (!primary || !sameSet(primary.columns, table.primaryKey)) {
      differences.push(
        `table ${table.name} has primary key (${primary?.columns.join(', ') ?? 'none'}), not (${table.primaryKey.join(', ')})`,
      )
    }
    differences.push(...compareReferences(table, own))
    for (const index of ownIndexes) if (!index.valid) differences.push(`index ${index.name} is not valid`)
    for (const wanted of table.indexes) {
      const found = ownIndexes.find(
        index =>
          index.unique === wanted.unique &&
          (wanted.unique ? sameSet(index.columns, wanted.columns) : index.columns.join() === wanted.columns.join()) &&
          (wanted.name === null || index.name === wanted.name) &&
          normal(index.condition ?? '') === normal(wanted.where ?? ''),
      )
      const title = `${wanted.unique ? 'unique index' : 'index'} ${table.name} (${wanted.columns.join(', ')})`
      if (!found) differences.push(`${title}${wanted.where ? ` where ${wanted.where}` : ''} is missing`)
      else if (wanted.unique && !wanted.columns[0]!.includes('(') && !/nulls not distinct/i.test(found.text)) {
        differences.push(`${title} holds nulls as distinct`)
      }
    }
    const checks = own
      .filter(constraint => constraint.kind === 'c')
      .map(constraint => normal(constraint.text.replace(/^CHECK/i, '')))
    for (const check of table.checks) {
      if (!checks.includes(normal(check))) differences.push(`check (${check}) of ${table.name} is missing`)
    }
    for (const column of table.columns) {
      if (!column.values) continue
      const wanted = normal(`${column.name} in (${column.values.map(value => `'${value}'`).join(', ')})`)
      if (!checks.includes(wanted)) differences.push(`check of the values of ${table.name}.${column.name} is missing or another`)
    }
  }
  return differences
}

function compareReferences(table: TableDefinition, own: readonly ConstraintState[]): string[] {
  const differences: string[] = []
  for (const reference of table.references) {
    const parent = CATALOGUE.find(candidate => candidate.name === reference.table)!
    const composite = table.tenantColumn !== null && parent.tenantColumn !== null && reference.table !== 'users'
    const found = own.find(
      constraint =>
        constraint.kind === 'f' && constraint.target === reference.table && constraint.columns[0] === reference.column,
    )
    const title = `foreign key ${table.name}.${reference.column} -> ${reference.table}`
    if (!found) differences.push(`${title} is missing`)
    else if (composite && !(found.columns.includes('user_id') && found.targetColumns?.includes('user_id'))) {
      differences.push(`${title} does not carry user_id, so it would accept another tenant's row`)
    } else if (!['a', 'r'].includes(found.action)) differences.push(`${title} is not ON DELETE RESTRICT`)
  }
  return differences
}

async function compareSecurity(tx: Transaction, schema: string): Promise<string[]> {
  const differences: string[] = []
  const states = await tableStates(tx, schema)
  const { rows: policies } = await tx.query<{
    table: string
    name: string
    command: string
    roles: string[]
    using: string | null
    check: string | null
  }>(
    `select tablename as table, policyname as name, cmd as command, roles::text[] as roles, qual as using, with_check as check
     from pg_policies where schemaname = $1`,
    [schema],
  )
  const { rows: grants } = await tx.query<{ table: string; grantee: string; privilege: string }>(
    `select c.relname as table, coalesce(r.rolname, 'public') as grantee, p.privilege_type as privilege
     from pg_class c cross join lateral aclexplode(c.relacl) p left join pg_roles r on r.oid = p.grantee
     where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p')`,
    [schema],
  )
  const { rows: owners } = await tx.query<{ table: string; owner: string }>(
    `select tablename as table, tableowner as owner from pg_tables where schemaname = $1`,
    [schema],
  )
  const ownerOf = new Map(owners.map(row => [row.table, row.owner]))
  for (const table of CATALOGUE) {
    const { name } = table
    const state = states.get(name)
    if (!state) continue
    if (!state.secured) differences.push(`row level security of ${name} is off`)
    if (!state.forced) differences.push(`row level security of ${name} is not forced`)
    const readers = table.rls === 'X' ? ['evenkeel_app'] : ['evenkeel_app', 'authenticated']
    const rule = normal(`${table.tenantColumn ?? ''} = ( SELECT auth.uid() AS uid)`)
    const wanted: { name: string; command: string; roles: string[]; rule: string }[] = [
      { name: 'system', command: 'ALL', roles: ['evenkeel_system'], rule: 'true' },
      ...(table.tenantColumn ? [{ name: 'tenant', command: 'ALL', roles: readers, rule }] : []),
      ...(table.rls === 'G' ? [{ name: 'market', command: 'ALL', roles: readers, rule: 'true' }] : []),
      ...(globalRowsVisible(table)
        ? [{ name: 'global_rows', command: 'SELECT', roles: readers, rule: normal(`${table.tenantColumn} IS NULL`) }]
        : []),
    ]
    const own = policies.filter(policy => policy.table === name)
    for (const policy of wanted) {
      const found = own.find(candidate => candidate.name === policy.name)
      if (!found) differences.push(`policy ${policy.name} of ${name} is missing`)
      else if (
        found.command !== policy.command ||
        !sameSet(found.roles, policy.roles) ||
        normal(found.using ?? '') !== policy.rule ||
        (policy.command === 'ALL' && normal(found.check ?? '') !== policy.rule)
      ) {
        differences.push(`policy ${policy.name} of ${name} is another than the catalogue's`)
      }
    }
    for (const policy of own) {
      if (!wanted.some(candidate => candidate.name === policy.name))
        differences.push(`policy ${policy.name} of ${name} is not in the catalogue`)
    }
    const allowed = new Map<string, readonly string[]>([
      ['evenkeel_app', grantsOf(table).app],
      ['authenticated', grantsOf(table).authenticated],
      ['evenkeel_system', ['SELECT', 'INSERT', 'UPDATE', 'DELETE']],
    ])
    const held = new Map<string, string[]>()
    for (const grant of grants) {
      if (grant.table !== name || grant.grantee === ownerOf.get(name)) continue
      held.set(grant.grantee, [...(held.get(grant.grantee) ?? []), grant.privilege])
    }
    for (const [role, commands] of allowed) {
      const found = held.get(role) ?? []
      if (!sameSet(found, commands))
        differences.push(`${role} may ${found.join(', ') || 'nothing'} on ${name}, not ${commands.join(', ') || 'nothing'}`)
      held.delete(role)
    }
    for (const [role, commands] of held) differences.push(`${role} may ${commands.join(', ')} on ${name}`)
  }
  return differences
}

async function compareRoles(tx: Transaction): Promise<string[]> {
  const { rows } = await tx.query<{ name: string; superuser: boolean; bypasses: boolean }>(
    `select rolname as name, rolsuper as superuser, rolbypassrls as bypasses from pg_roles
     where rolname in ('evenkeel_app', 'evenkeel_owner', 'evenkeel_system', 'authenticated')`,
  )
  const differences: string[] = []
  for (const name of ['evenkeel_app', 'evenkeel_owner', 'evenkeel_system', 'authenticated']) {
    const role = rows.find(candidate => candidate.name === name)
    if (!role) differences.push(`role ${name} is missing`)
    else if (role.superuser || role.bypasses)
      differences.push(`role ${name} is ${role.superuser ? 'a superuser' : 'free of row level security'}`)
  }
  return differences
}

async function compareMigrations(tx: Transaction): Promise<string[]> {
  const { rows } = await tx.query<{ version: number; name: string; checksum: string }>(
    'select version, name, checksum from schema_migrations order by version',
  )
  const files = readMigrations()
  const differences: string[] = []
  for (const file of files) {
    const row = rows.find(candidate => candidate.version === file.version)
    if (!row) differences.push(`migration ${file.name} is not applied`)
    else if (row.checksum !== file.checksum) differences.push(`migration ${file.name} was edited after it had been applied`)
  }
  for (const row of rows)
    if (row.version > files.length) differences.push(`migration ${row.name} is unknown to this version of Evenkeel`)
  return differences
}

/** Each comparison of `verify schema` with its differences. */
export async function compareSchema(tx: Transaction, schema: string): Promise<{ name: string; differences: string[] }[]> {
  return [
    { name: 'primary keys, foreign keys, checks, indexes', differences: await compareKeys(tx, schema) },
    { name: 'row level security, policies, grants', differences: await compareSecurity(tx, schema) },
    { name: 'roles', differences: await compareRoles(tx) },
    { name: 'migrations', differences: await compareMigrations(tx) },
  ]
}
