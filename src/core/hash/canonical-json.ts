/**
 * JSON in the one form of RFC 8785: keys sorted by UTF-16 code units, no space, numbers as ECMAScript writes them. Equal values give
 * equal text, so a hash of the text names the value.
 */

/**
 * @param value JSON values; an object with `toJSON` (Decimal) stands for what that returns; keys whose value is undefined are left out.
 * @throws TypeError naming the path of what JSON cannot say exactly: NaN, infinities, lone surrogates, functions, undefined in a list.
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$')
}

function write(value: unknown, path: string): string {
  if (value === null || value === true || value === false) return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON: ${path} is ${value}, which JSON has no number for`)
    return JSON.stringify(value)
  }
  if (typeof value === 'string') return text(value, path)
  if (typeof value !== 'object') throw new TypeError(`canonical JSON: ${path} is of type ${typeof value}`)
  if (Array.isArray(value)) return `[${value.map((item, i) => write(item, `${path}[${i}]`)).join(',')}]`
  if ('toJSON' in value && typeof value.toJSON === 'function') return write(value.toJSON(), path)
  const record = value as Record<string, unknown>
  const parts: string[] = []
  // The default sort compares UTF-16 code units, which is what RFC 8785 3.2.3 asks for.
  for (const key of Object.keys(record).sort()) {
    const item = record[key]
    if (item !== undefined) parts.push(`${text(key, path)}:${write(item, `${path}.${key}`)}`)
  }
  return `{${parts.join(',')}}`
}

function text(value: string, path: string): string {
  if (!value.isWellFormed()) throw new TypeError(`canonical JSON: ${path} holds half of a surrogate pair`)
  return JSON.stringify(value)
}
