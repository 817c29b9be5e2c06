import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BotStatus, DesiredState } from './bot-commands.ts'
import { effectiveStatus } from './lifecycle.ts'

const CASES: readonly [BotStatus, DesiredState, BotStatus][] = [
  ['inactive', 'stopped', 'inactive'],
  ['starting', 'running', 'starting'],
  ['running', 'running', 'running'],
  ['running', 'paused', 'paused'],
  ['running', 'stopped', 'stopping'],
  ['starting', 'paused', 'paused'],
  ['paused', 'paused', 'paused'],
  ['paused', 'running', 'running'],
  ['paused', 'stopped', 'stopping'],
  ['stopping', 'stopped', 'stopping'],
  ['stopping', 'running', 'running'],
  ['stopped', 'stopped', 'stopped'],
  ['error', 'running', 'error'],
]
for (const [observed, desired, expected] of CASES) {
  test(`${observed}, asked to be ${desired}, counts as ${expected}`, () =>
    assert.equal(effectiveStatus(observed, desired), expected))
}
