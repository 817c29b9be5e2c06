// JSON with sorted keys: one text for one value, also after it went through jsonb. What hashes are taken of.

/** Values that JSON.stringify would drop are dropped; toJSON is honoured. @throws TypeError for NaN and infinities. */
export function canonicalJson(value: unknown): string {
  const text = write(value)
  if (text === undefined) throw new TypeError('undefined has no JSON')
  return text
}

function write(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON`)
      return JSON.stringify(value)
    case 'object': {
      if (value === null) return 'null'
      if ('toJSON' in value && typeof value.toJSON === 'function') return write((value.toJSON as () => unknown)())
      if (Array.isArray(value)) {
        let list = '['
        for (let i = 0; i < value.length; i += 1) {
          if (i > 0) list += ','
          list += write(value[i]) ?? 'null'
        }
        return `${list}]`
      }
      const record = value as Record<string, unknown>
      let object = '{'
      for (const key of Object.keys(record).sort()) {
        const member = write(record[key])
        if (member === undefined) continue
        object += `${object.length > 1 ? ',' : ''}${JSON.stringify(key)}:${member}`
      }
      return `${object}}`
    }
    default:
      return undefined
  }
}
