import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runFile } from './run-file.ts'

describe('running a test file', () => {
  let root: string
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'evenkeel-runner-'))
  })
  after(() => rm(root, { recursive: true, force: true }))

  async function run(text: string, timeoutSec = 30) {
    await writeFile(join(root, 'planted.test.mjs'), text)
    const { cases, leftBehind } = await runFile('planted.test.mjs', { root, env: process.env, timeoutSec })
    return { leftBehind, lines: cases.map(({ name, outcome }) => `${name}: ${outcome.status}`), cases }
  }

  function onlyError({ cases }: Awaited<ReturnType<typeof run>>): string {
    const failed = cases.flatMap(each => (each.outcome.status === 'failed' ? [each.outcome.error] : []))
    assert.equal(failed.length, 1)
    return failed[0]!
  }

  it('counts leaves and keeps reasons', async () => {
    const { lines } = await run(`import { describe, it, test } from 'node:test'
      describe('s', () => { it('a', () => {}); it('b', { skip: 'because' }, () => {}) })
      test('p', async t => { await t.test('c', () => {}) })`)
    assert.deepEqual(lines, ['a: passed', 'b: skipped', 'c: passed'])
  })

  it('shows the difference of a failed assertion', async () => {
    const result = await run(`import { test } from 'node:test'
      import assert from 'node:assert/strict'
      test('a', () => { assert.deepEqual({ qty: '1.5' }, { qty: '2.5' }) })
      test('b', () => {})`)
    assert.deepEqual(result.lines, ['a: failed', 'b: passed'])
    assert.match(onlyError(result), /\+\s+qty: '1.5'\n-\s+qty: '2.5'/)
  })

  it('shows both values under a message of its own', async () => {
    const result = await run(`import { test } from 'node:test'
      import assert from 'node:assert/strict'
      test('a', () => { assert.equal('1.5', '2.5', 'quantities differ') })`)
    assert.match(onlyError(result), /quantities differ[\s\S]*actual: {3}'1.5'\nexpected: '2.5'/)
  })

  it('counts a crash at import as a failure and shows it', async () => {
    const result = await run(`throw new Error('no such module')`)
    assert.deepEqual(result.lines, ['planted.test.mjs: failed'])
    assert.match(onlyError(result), /no such module/)
  })

  it('notices a process that leaves before its tests are done', async () => {
    const result = await run(`import { test } from 'node:test'
      test('a', () => { process.exit(0) })
      test('b', () => {})`)
    assert.match(onlyError(result), /ended \(code 0\) before its tests were done/)
  })

  it('notices an error thrown after its test', async () => {
    const result = await run(`import { test } from 'node:test'
      test('a', () => { setTimeout(() => { throw new Error('late') }, 10) })`)
    assert.ok(result.lines.some(line => line.endsWith('failed')))
  })

  it('ends a file that hangs and names the test', async () => {
    const result = await run(
      `import { test } from 'node:test'
      test('quick', () => {})
      test('hangs', () => new Promise(() => setInterval(() => {}, 1000)))`,
      1,
    )
    assert.match(onlyError(result), /^timed out after 1 s while running: hangs/)
  })

  it('ends what a file left behind, detached or not', { skip: process.platform !== 'linux' && 'needs /proc' }, async () => {
    const { leftBehind, lines } = await run(`import { test } from 'node:test'
      import { spawn } from 'node:child_process'
      import { writeFileSync } from 'node:fs'
      test('a', () => {
        const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
        writeFileSync('pid', String(child.pid))
        child.unref()
      })`)
    assert.deepEqual(lines, ['a: passed'])
    assert.deepEqual(leftBehind, ['sleep 60'])
    const pid = Number(await readFile(join(root, 'pid'), 'utf8'))
    // A zombie that nobody has reaped yet has an empty command line.
    assert.equal(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''), '')
  })
})
