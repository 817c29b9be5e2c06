/**
 * State of indicators as plain JSON and back, exactly. Numbers that JSON cannot carry (NaN, infinities, minus zero)
 * travel as text; typed arrays as lists; nested parts as objects. Text fields are not state: they must be equal.
 */
export type Snapshot = { readonly [field: string]: SnapshotValue }
export type SnapshotValue = number | string | boolean | readonly (number | string)[] | Snapshot

function encode(x: number): number | string {
  return Number.isFinite(x) && !Object.is(x, -0) ? x : Object.is(x, -0) ? '-0' : String(x)
}

function decode(x: unknown, path: string): number {
  if (typeof x === 'number') return x
  if (x === 'NaN' || x === 'Infinity' || x === '-Infinity' || x === '-0') return Number(x)
  throw new Error(`indicator snapshot: ${path} is not a number`)
}

/** All own fields of a state, in plain JSON. */
export function save(state: object): Snapshot {
  const saved: Record<string, SnapshotValue> = {}
  for (const [field, value] of Object.entries(state)) {
    if (typeof value === 'number') saved[field] = encode(value)
    else if (typeof value === 'string' || typeof value === 'boolean') saved[field] = value
    else if (value instanceof Float64Array) saved[field] = Array.from(value, encode)
    else if (typeof value === 'object' && value !== null) saved[field] = save(value)
    else throw new TypeError(`indicator snapshot: field ${field} cannot be saved`)
  }
  return saved
}

/** Writes a snapshot into a state of the same making. @throws Error naming the first field that does not fit. */
export function load(state: object, snapshot: unknown, path = 'state'): void {
  if (typeof snapshot !== 'object' || snapshot === null) throw new Error(`indicator snapshot: ${path} is not an object`)
  const given = snapshot as Record<string, unknown>
  const target = state as Record<string, unknown>
  const fields = Object.keys(target)
  if (Object.keys(given).length !== fields.length) throw new Error(`indicator snapshot: ${path} has other fields`)
  for (const field of fields) {
    const at = `${path}.${field}`
    const current = target[field]
    const value = given[field]
    if (typeof current === 'number') target[field] = decode(value, at)
    else if (typeof current === 'boolean') {
      if (typeof value !== 'boolean') throw new Error(`indicator snapshot: ${at} is not true or false`)
      target[field] = value
    } else if (typeof current === 'string') {
      if (value !== current) throw new Error(`indicator snapshot: ${at} is ${String(value)}, expected ${current}`)
    } else if (current instanceof Float64Array) {
      if (!Array.isArray(value) || value.length !== current.length)
        throw new Error(`indicator snapshot: ${at} has another length`)
      for (let i = 0; i < current.length; i++) current[i] = decode(value[i], `${at}[${i}]`)
    } else load(current as object, value, at)
  }
}
