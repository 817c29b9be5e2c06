// The bootstrap in a small tree of its own, with an npm that only notes that it was called.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'

const pinned = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')

/** Unpacks what the lock asks for, as npm would, and leaves a line in calls.txt. */
const obedientNpm = `#!/bin/sh
echo "$@" >> calls.txt
sleep 0.2
rm -rf node_modules
mkdir -p node_modules/.bin node_modules/a
touch node_modules/.bin/node
cp package-lock.json node_modules/.package-lock.json
`
const brokenNpm = `#!/bin/sh
echo "npm warn something else"
echo "npm error code ECONNREFUSED" >&2
exit 7
`

describe('bootstrap', { skip: !pinned && 'the fake npm is written for Linux' }, () => {
  let root: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'evenkeel-bootstrap-'))
    mkdirSync(join(root, 'scripts'))
    mkdirSync(join(root, 'bin'))
    cpSync(join(import.meta.dirname, 'bootstrap.mjs'), join(root, 'scripts/bootstrap.mjs'))
    lock('1.0.0')
    npm(obedientNpm)
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  const lock = (version: string) =>
    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ packages: { '': {}, 'node_modules/a': { version, integrity: `sha512-${version}` } } }),
    )
  const npm = (text: string) => writeFileSync(join(root, 'bin/npm'), text, { mode: 0o755 })
  const calls = () =>
    existsSync(join(root, 'calls.txt')) ? readFileSync(join(root, 'calls.txt'), 'utf8').trim().split('\n').length : 0

  function run(): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const env = { ...process.env, PATH: `${join(root, 'bin')}${delimiter}${process.env['PATH']}`, npm_execpath: undefined }
    const child = spawn(process.execPath, [join(root, 'scripts/bootstrap.mjs')], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', chunk => {
      said.stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', chunk => {
      said.stderr += chunk
    })
    return new Promise(done => child.on('close', code => done({ code, ...said })))
  }

  it('installs once, with every kind of dependency, and keeps stdout clean', async () => {
    const first = await run()
    assert.deepEqual([first.code, first.stdout], [0, ''])
    assert.match(first.stderr, /^Installing .*\nInstalled in \d+ s\.\n$/)
    assert.deepEqual(await run(), { code: 0, stdout: '', stderr: '' })
    assert.equal(
      readFileSync(join(root, 'calls.txt'), 'utf8'),
      'ci --include=dev --include=optional --ignore-scripts --no-progress\n',
    )
  })

  it('installs again when the lock asks for something else', async () => {
    await run()
    lock('2.0.0')
    await run()
    assert.equal(calls(), 2)
  })

  it('accepts what npm installed by hand', async () => {
    await run()
    rmSync(join(root, 'node_modules/.evenkeel-installed'))
    assert.equal((await run()).code, 0)
    assert.equal(calls(), 1)
  })

  it('installs again when a package folder is gone', async () => {
    await run()
    rmSync(join(root, 'node_modules/.evenkeel-installed'))
    rmSync(join(root, 'node_modules/a'), { recursive: true })
    await run()
    assert.equal(calls(), 2)
  })

  it('makes the stamp younger than a lock that was only rewritten', async () => {
    await run()
    const later = Date.now() / 1000 + 1
    utimesSync(join(root, 'package-lock.json'), later - 2, later - 2)
    const stamp = join(root, 'node_modules/.evenkeel-installed')
    utimesSync(stamp, later - 100, later - 100)
    await run()
    assert.equal(calls(), 1)
    assert.ok(readFileSync(stamp, 'utf8').length > 60)
    assert.ok(statSync(stamp).mtimeMs > statSync(join(root, 'package-lock.json')).mtimeMs)
  })

  it('installs once for two terminals', async () => {
    const both = await Promise.all([run(), run()])
    assert.deepEqual(
      both.map(each => each.code),
      [0, 0],
    )
    assert.equal(calls(), 1)
    assert.equal(existsSync(join(root, '.build/install.lock')), false)
  })

  it('takes over from an install that died', async () => {
    mkdirSync(join(root, '.build'))
    const dead = spawn(process.execPath, ['-e', ''])
    await new Promise(done => dead.on('close', done))
    writeFileSync(join(root, '.build/install.lock'), `${dead.pid}`)
    assert.equal((await run()).code, 0)
    assert.equal(calls(), 1)
  })

  it('says what npm said went wrong, and the remedy', async () => {
    npm(brokenNpm)
    const { code, stderr } = await run()
    assert.equal(code, 1)
    assert.match(stderr, /npm ci failed \(7\):\n {2}npm error code ECONNREFUSED\nNothing was started\. Remedy: /)
    assert.equal(existsSync(join(root, '.build/install.lock')), false)
    npm(obedientNpm)
    assert.equal((await run()).code, 0)
  })

  it('says that the pinned Node is missing', async () => {
    npm(obedientNpm.replace('touch node_modules/.bin/node', ''))
    const { code, stderr } = await run()
    assert.equal(code, 1)
    assert.match(stderr, /the pinned Node is missing/)
  })
})
