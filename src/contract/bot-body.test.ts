import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCreateBot, parseLadderPreview, parseReplaceBot } from './bot-body.ts'
import { changed, SMALL } from './dca-config.fixture.ts'
import type { Parsed } from './finding.ts'

function value<T>(result: Parsed<T>): T {
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.findings))
  return result.value
}

const found = (result: Parsed<unknown>) => (result.ok ? [] : result.findings.map(({ code, path }) => `${code} ${path}`))

test('the outer fields of a new bot fill what the config leaves out', () => {
  const bare = changed(changed(SMALL, 'name', undefined), 'pairs', undefined)
  const { config } = value(parseCreateBot({ name: 'BTC dip', symbol: 'BTC/USDT', interval: '4h', config: bare }))
  assert.deepEqual([config.name, config.pairs, config.timeframe], ['BTC dip', ['BTC/USDT'], '4h'])
})

test('the outer fields must agree with the config where both speak', () => {
  assert.ok(parseCreateBot({ name: 'BTC dip', symbol: 'BTC/USDT', interval: '1h', config: { ...SMALL, timeframe: '1h' } }).ok)
  assert.deepEqual(
    found(parseCreateBot({ name: 'other', symbol: 'ETH/USDT', interval: '4h', config: { ...SMALL, timeframe: '1h' } })),
    ['OUT_OF_RANGE name', 'OUT_OF_RANGE symbol', 'OUT_OF_RANGE interval'],
  )
})

test('findings of the body and of the config come together', () => {
  assert.deepEqual(found(parseCreateBot({ user_id: 'x', config: { ...SMALL, baseOrdr: {} } })), [
    'UNKNOWN_KEY user_id',
    'UNKNOWN_KEY config.baseOrdr',
  ])
  assert.deepEqual(found(parseCreateBot({})), ['WRONG_TYPE config'])
  assert.deepEqual(found(parseReplaceBot({ config: changed(SMALL, 'exits', {}), baseVersion: 0 })), [
    'OUT_OF_RANGE baseVersion',
    'EXIT_REQUIRED config.exits',
  ])
  assert.deepEqual(found(parseReplaceBot(null)), ['WRONG_TYPE ', 'WRONG_TYPE config'])
})

test('a replacement carries the version it was made from', () => {
  assert.equal(value(parseReplaceBot({ config: SMALL, baseVersion: 3 })).baseVersion, 3)
  assert.equal(value(parseReplaceBot({ config: SMALL })).baseVersion, null)
})

test('the ladder preview of the worked example is read', () => {
  const preview = value(parseLadderPreview({ symbol: 'BTC/USDT', price: '60000', config: SMALL }))
  assert.deepEqual([preview.symbol, preview.price, preview.balance], ['BTC/USDT', '60000', null])
  const nameless = value(
    parseLadderPreview({
      symbol: 'ETH/USDT',
      price: '60000',
      config: changed(changed(SMALL, 'name', undefined), 'pairs', undefined),
    }),
  )
  assert.deepEqual(nameless.config.pairs, ['ETH/USDT'])
  assert.deepEqual(found(parseLadderPreview({ symbol: 'SOL/USDT', price: '60000', config: SMALL })), ['UNKNOWN_SYMBOL symbol'])
  assert.deepEqual(found(parseLadderPreview({ price: 60000, config: SMALL })), ['WRONG_TYPE price'])
})
