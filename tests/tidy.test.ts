// The house rules that the compiler cannot see, applied to the tree. Each rule stands in tests/tidy/ beside its own tests.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { cliVerbs, dependencies, links, lockWithoutHosts, npmScripts } from './tidy/documents.ts'
import { floors } from './tidy/floors.ts'
import { assertions, exactMoney, fileLength, foreign, leftovers, migrationSentence } from './tidy/leftovers.ts'
import { purity } from './tidy/purity.ts'
import type { Finding, Rule } from './tidy/source.ts'
import { readTree } from './tidy/tree.ts'

const root = resolve(import.meta.dirname, '..')
const tree = readTree(root)

const rules: readonly [string, Rule][] = [
  ['the pure floors know no clock, chance, waiting or machine', purity],
  ['floors, venues and features import only what they may know', floors],
  ['no narrowed tests, notes, silenced types or any', leftovers],
  ['no file is longer than 600 lines', fileLength],
  ['dependencies are pinned and explained', dependencies],
  ['the lock names no registry', lockWithoutHosts],
  ['no word that does not belong here', foreign],
  ['money never passes through float64', exactMoney],
  ['each migration opens with a sentence', migrationSentence],
  ['each test file asserts something', assertions],
  ['links in documents lead to files', links],
  ['npm scripts named in documents exist', npmScripts],
]

describe('the tree is tidy', () => {
  for (const [name, rule] of rules) it(name, () => clean(rule(tree)))

  const registry = join(root, 'src/cli/verbs.ts')
  it('verbs named in documents exist', { skip: !existsSync(registry) && 'src/cli/verbs.ts is not there yet' }, async () => {
    const { VERBS } = (await import(pathToFileURL(registry).href)) as {
      VERBS: readonly { readonly name: string; readonly aliases?: readonly string[] }[]
    }
    clean(
      cliVerbs(
        tree,
        VERBS.flatMap(verb => [verb.name, ...(verb.aliases ?? [])]),
      ),
    )
  })

  it('is read at all', () => {
    assert.ok(tree.some(file => file.path === 'package.json'))
    assert.ok(tree.filter(file => file.path.startsWith('src/')).length > 20)
  })
})

function clean(findings: readonly Finding[]): void {
  const lines = findings.map(each => `${each.place}: ${each.message}`)
  assert.equal(lines.length, 0, `\n${lines.join('\n')}`)
}
