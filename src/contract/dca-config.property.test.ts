import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultRules, instrumentFromRules } from '../core/market/instrument.ts'
import { changed, SMALL, WHOLE } from './dca-config.fixture.ts'
import { parseDcaConfig } from './dca-config.ts'
import { findConflicts } from './dca-conflicts.ts'

/** Every path of a JSON value, `a.b.0.c`. */
function pathsOf(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    return [path, ...pathsOf(item, path)]
  })
}

const junk = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    undefined,
    null,
    0,
    -1,
    1e308,
    '0',
    '-5',
    '1e70',
    {},
    [],
    { enabled: false },
    { items: [] },
    { kind: 'const', value: 1 },
  ),
)

const listed = (symbol: string) => (symbol === 'BTC/USDT' ? instrumentFromRules(defaultRules('binance', symbol)) : undefined)

test('whatever stands anywhere in a config, the answer is findings or a config that reads back to itself; never a throw', () => {
  const bases = [SMALL, WHOLE].map(base => ({ base, paths: pathsOf(base) }))
  fc.assert(
    fc.property(
      fc.constantFrom(...bases),
      fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      ({ base, paths }, edits, venue) => {
        let input: unknown = base
        for (const [at, value] of edits) {
          try {
            input = changed(input, paths[at % paths.length] ?? 'name', value)
          } catch {
            // An earlier edit took away the place of this one.
          }
        }
        const result = parseDcaConfig(input, venue ? { instrument: listed } : {})
        if (!result.ok) {
          assert.ok(result.findings.length > 0)
          for (const { path, code, message } of result.findings)
            assert.ok(typeof path === 'string' && /^[A-Z_]+$/.test(code) && message !== '')
          return
        }
        findConflicts(result.config, { feeBps: '10', requiredCapital: '100', balance: '1000' })
        const again = parseDcaConfig(JSON.parse(JSON.stringify(result.document)), venue ? { instrument: listed } : {})
        assert.ok(again.ok)
        assert.deepEqual(again.config, result.config)
      },
    ),
    { numRuns: 2000 },
  )
})
