import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesOfFile, parseSymbol } from './symbol.ts'

test('symbols of every spelling become the unified one', () => {
  const spellings: Record<string, string | null> = {
    'BTC/USDT': 'BTC/USDT',
    'btc/usdt': 'BTC/USDT',
    BTCUSDT: 'BTC/USDT',
    'BTC-USDT': 'BTC/USDT',
    BTC_USDT: 'BTC/USDT',
    'XBT/USD': 'BTC/USD',
    XBTUSD: 'BTC/USD',
    ETHBTC: 'ETH/BTC',
    'BTC/USDT:USDT': 'BTC/USDT:USDT',
    '1000PEPEUSDT': '1000PEPE/USDT',
    USDT: null,
    'BTC/': null,
    '': null,
    WHATEVER: null,
  }
  for (const [text, symbol] of Object.entries(spellings)) assert.equal(parseSymbol(text), symbol, text)
})

test('file names tell exchange and symbol where they can', () => {
  assert.deepEqual(namesOfFile('binance-BTC_USDT-1h-2017-2024.csv.gz'), { exchange: 'binance', symbol: 'BTC/USDT' })
  assert.deepEqual(namesOfFile('BTC_USDT-5m.json'), { symbol: 'BTC/USDT' })
  assert.deepEqual(namesOfFile('BTCUSDT-1h-2024-01.zip'), { symbol: 'BTC/USDT' })
  assert.deepEqual(namesOfFile('ETHUSDT_15m_20240101_20241231.csv'), { symbol: 'ETH/USDT' })
  assert.deepEqual(namesOfFile('candles.csv'), {})
  assert.deepEqual(namesOfFile('my-prices-2024.csv'), {})
})
