import assert from 'node:assert/strict'
import { test } from 'node:test'
import { floors, importsOf } from './floors.ts'
import { file, places } from './planted.ts'

const importing = (path: string, target: string) => places(floors, file(path, `import { x } from '${target}'`))

test('an import is found in each of its forms, and only in code', () => {
  const text = [
    `import a, { b } from './1.ts'`,
    `import type {\n  C,\n} from './2.ts'`,
    `export * from './3.ts'`,
    `import './4.ts'`,
    `const d = await import('./5.ts')`,
    `// import e from './6.ts'`,
    `export const from = 'x'`,
  ].join('\n')
  assert.deepEqual(
    importsOf(file('a.ts', text)).map(each => each.target),
    ['./1.ts', './2.ts', './3.ts', './4.ts', './5.ts'],
  )
})

test('an upward import is refused', () => {
  assert.equal(importing('src/core/money/a.ts', '../../engine/step.ts').length, 1)
  assert.equal(importing('src/engine/a.ts', '../storage/b.ts').length, 1)
  assert.equal(importing('src/storage/a.ts', '../runs/b.ts').length, 1)
  assert.equal(importing('src/runs/a.ts', '../storage/b.ts').length, 1)
  assert.equal(importing('src/api/a.ts', '../exchanges/b.ts').length, 1)
  assert.equal(importing('src/app/wire.ts', '../cli/b.ts').length, 1)
  assert.equal(importing('src/api/a.ts', '../app/config.ts').length, 1)
})

test('a downward import is allowed', () => {
  assert.deepEqual(importing('src/engine/a.ts', '../core/money/decimal.ts'), [])
  assert.deepEqual(importing('src/backtest/a.ts', '../engine/step.ts'), [])
  assert.deepEqual(importing('src/cli/main.ts', '../app/wire.ts'), [])
  assert.deepEqual(importing('web/src/features/bots/a.tsx', '../../../../src/backtest/run.ts'), [])
})

test('the web knows nothing of the server', () => {
  assert.equal(importing('web/src/app/a.ts', '../../../src/api/server.ts').length, 1)
  assert.equal(importing('web/src/app/a.ts', '../../../src/storage/a.ts').length, 1)
})

test('neighbours do not know one another', () => {
  assert.equal(importing('src/exchanges/kraken/a.ts', '../binance/b.ts').length, 1)
  assert.deepEqual(importing('src/exchanges/kraken/a.ts', '../kraken/b.ts'), [])
  assert.equal(importing('web/src/features/bots/a.tsx', '../deals/b.tsx').length, 1)
  assert.equal(importing('web/src/ui/button.tsx', '../features/bots/b.tsx').length, 1)
  assert.deepEqual(importing('web/src/pages/home.tsx', '../features/bots/b.tsx'), [])
})

test('the pure floors use no package, the contract only zod', () => {
  assert.equal(importing('src/core/a.ts', 'decimal.js').length, 1)
  assert.equal(importing('src/engine/a.ts', 'zod').length, 1)
  assert.equal(importing('src/contract/a.ts', '@fastify/swagger').length, 1)
  assert.deepEqual(importing('src/contract/a.ts', 'zod'), [])
  assert.deepEqual(importing('src/contract/a.ts', 'zod/v4'), [])
  assert.deepEqual(importing('src/core/a.test.ts', 'fast-check'), [])
})
