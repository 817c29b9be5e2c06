// Where two documents differ, place by place, so that one digit among thousands is found.

export interface Differing {
  /** Such as `payload.event.fill.price`; empty where the documents differ as a whole. */
  readonly path: string
  /** Undefined where there is nothing at this place. */
  readonly left: unknown
  readonly right: unknown
}

/** Of two JSON values, in the order of the left one; keys may stand in any order. */
export function differing(left: unknown, right: unknown, path = ''): Differing[] {
  if (Object.is(left, right)) return []
  if (!isTree(left) || !isTree(right) || Array.isArray(left) !== Array.isArray(right)) return [{ path, left, right }]
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap(key => {
    const step = Array.isArray(left) ? `[${key}]` : path === '' ? key : `.${key}`
    return differing(left[key], right[key], `${path}${step}`)
  })
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
