// A home whose data lies elsewhere opens that data only as the home it was written for.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { StorageError } from '../errors.ts'
import { placeCluster, shortHash } from './placement.ts'

let home: string
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'evenkeel-placement-')))
  mkdirSync(join(home, 'postgres'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const point = (pointer: object): void => writeFileSync(join(home, 'postgres', 'location.json'), JSON.stringify(pointer))

test('its own pointer is followed, with the home named and without', () => {
  point({ home, dataDirectory: '/somewhere/data' })
  assert.equal(placeCluster(home).dataDirectory, '/somewhere/data')
  const first = `/var/lib/evenkeel/${shortHash(home)}/data`
  point({ dataDirectory: first })
  assert.equal(placeCluster(home).dataDirectory, first)
})

test('the pointer of another home is refused with what to do', () => {
  for (const pointer of [
    { home: '/srv/original', dataDirectory: '/var/lib/evenkeel/0123456789abcdef/data' },
    { dataDirectory: '/var/lib/evenkeel/0123456789abcdef/data' },
  ]) {
    point(pointer)
    assert.throws(
      () => placeCluster(home),
      (error: unknown) =>
        error instanceof StorageError &&
        error.code === 'DIRECTORY_IN_USE' &&
        /is a copy of/.test(error.message) &&
        /copy \/var\/lib\/evenkeel\/0123456789abcdef too/.test(error.remedy ?? ''),
    )
  }
})
