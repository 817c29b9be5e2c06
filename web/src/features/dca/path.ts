// Places inside a config draft, written as findings write them: `exits.takeProfit.targets[0].profitPct`, `prices["BTC/USDT"]`.

export type PathKey = string | number

const PART = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g

export function keysOf(path: string): PathKey[] {
  const keys: PathKey[] = []
  for (const [, index, quoted, name] of path.matchAll(PART)) {
    if (index !== undefined) keys.push(Number(index))
    else if (quoted !== undefined) keys.push(JSON.parse(quoted) as string)
    else if (name !== undefined) keys.push(name)
  }
  return keys
}

export function pathOf(keys: readonly PathKey[]): string {
  return keys.reduce<string>((path, key) => join(path, key), '')
}

export function join(path: string, key: PathKey): string {
  if (typeof key === 'number') return `${path}[${key}]`
  if (!/^[A-Za-z_]\w*$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

export function parentOf(path: string): string {
  return pathOf(keysOf(path).slice(0, -1))
}

export function valueAt(root: unknown, path: string): unknown {
  let at = root
  for (const key of keysOf(path)) {
    if (at === null || typeof at !== 'object') return undefined
    at = (at as Record<PathKey, unknown>)[key]
  }
  return at
}

/** A copy with another value at the path; what lies beside it is shared. `undefined` takes the key out. */
export function withValue<T>(root: T, path: string, value: unknown): T {
  return write(root, keysOf(path), value) as T
}

function write(node: unknown, keys: readonly PathKey[], value: unknown): unknown {
  const [key, ...rest] = keys
  if (key === undefined) return value
  if (typeof key === 'number') {
    const list = Array.isArray(node) ? [...node] : []
    if (rest.length === 0 && value === undefined) list.splice(key, 1)
    else list[key] = write(list[key], rest, value)
    return list
  }
  const copy: Record<string, unknown> = node !== null && typeof node === 'object' && !Array.isArray(node) ? { ...node } : {}
  if (rest.length === 0 && value === undefined) delete copy[key]
  else copy[key] = write(copy[key], rest, value)
  return copy
}
