import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cliVerbs, dependencies, links, lockWithoutHosts, npmScripts } from './documents.ts'
import { file, places } from './planted.ts'

const manifest = (content: object) => file('package.json', JSON.stringify(content))
const messages = (...files: Parameters<typeof dependencies>[0]) => dependencies(files).map(each => each.message)

test('a dependency is pinned exactly', () => {
  const document = file('docs/dependencies.md', '- `a`, `b`: why.\n')
  assert.deepEqual(messages(manifest({ dependencies: { a: '1.2.3' }, devDependencies: { b: '1.0.0-beta.1' } }), document), [])
  assert.match(messages(manifest({ dependencies: { a: '^1.2.3', b: '1.0.0' } }), document).join(), /^a is not pinned/)
})

test('a dependency is explained, and nothing else is', () => {
  const found = messages(manifest({ dependencies: { a: '1.2.3' } }), file('docs/dependencies.md', '- `b`: used with `a`.\n'))
  assert.deepEqual(found, ['a has no line in docs/dependencies.md', 'b is not in package.json'])
})

test('a lock with an address is refused', () => {
  assert.deepEqual(places(lockWithoutHosts, file('package-lock.json', '{\n"resolved": "https://host/x.tgz"}')), [
    'package-lock.json:2',
  ])
  assert.deepEqual(places(lockWithoutHosts, file('package-lock.json', '{"version": "1.0.0"}')), [])
})

test('a link leads to a file or a folder of the tree', () => {
  const tree = [file('docs/a.md', ''), file('src/core/b.ts', '')]
  const check = (text: string) => places(links, file('docs/x.md', text), ...tree)
  assert.deepEqual(check('[a](a.md) [a](./a.md#part) [b](../src/core/b.ts) [c](../src/core/) [r](/docs/a.md)'), [])
  assert.deepEqual(check('[web](https://example.org/x) [here](#part) `[x](gone.md)`'), [])
  assert.deepEqual(check('text\n[a](gone.md)'), ['docs/x.md:2'])
  assert.deepEqual(check('[a]: gone.md'), ['docs/x.md:1'])
})

test('a script named in a document exists', () => {
  const package_ = manifest({ scripts: { lint: 'x' } })
  assert.deepEqual(places(npmScripts, package_, file('README.md', 'npm run lint')), [])
  assert.deepEqual(places(npmScripts, package_, file('README.md', '\nnpm run lont')), ['README.md:2'])
})

test('a verb named in a document exists', () => {
  const found = cliVerbs([file('README.md', './evenkeel backtest --json\n./evenkeel backtset\n./evenkeel --help')], ['backtest'])
  assert.deepEqual(
    found.map(each => each.place),
    ['README.md:2'],
  )
})
