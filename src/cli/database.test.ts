// A verb that only looks makes no database.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireData } from './database.ts'

test('a home that is not there is named and not made; one with data, or a database of its own, is let through', () => {
  const parent = mkdtempSync(join(tmpdir(), 'evenkeel-home-'))
  try {
    const home = join(parent, 'typo')
    assert.throws(() => requireData(home, undefined), /There is no Evenkeel data in .*typo/)
    assert.equal(existsSync(home), false)
    requireData(home, 'postgres://elsewhere/evenkeel')
    mkdirSync(join(home, 'postgres'), { recursive: true })
    requireData(home, undefined)
  } finally {
    rmSync(parent, { recursive: true, force: true })
  }
})
