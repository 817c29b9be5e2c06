// A symbol as people and exchanges write it, turned into the unified form once, at the edge: BTC/USDT, BTC/USDT:USDT.

import { splitSymbol } from '../core/market/instrument.ts'

const QUOTES = ['USDT', 'USDC', 'FDUSD', 'TUSD', 'BUSD', 'USD', 'EUR', 'GBP', 'JPY', 'TRY', 'BRL', 'DAI', 'BTC', 'ETH', 'BNB']
/** Kraken's and Bitmex's own names. */
const ALIASES: Readonly<Record<string, string>> = { XBT: 'BTC', XDG: 'DOGE', XXBT: 'BTC', ZUSD: 'USD', ZEUR: 'EUR' }

/** `BTCUSDT`, `btc-usdt`, `BTC_USDT`, `XBT/USD` -> unified form; null where base and quote cannot be told apart. */
export function parseSymbol(text: string): string | null {
  const upper = text.trim().toUpperCase()
  const parts = splitSymbol(upper.replace(/^([^/:_-]+)[_-]([^/:_-]+)$/, '$1/$2')) ?? joined(upper)
  if (!parts) return null
  const name = (part: string) => ALIASES[part] ?? part
  const symbol = `${name(parts.base)}/${name(parts.quote)}${parts.settle ? `:${name(parts.settle)}` : ''}`
  return splitSymbol(symbol) ? symbol : null
}

function joined(text: string): { base: string; quote: string; settle: null } | null {
  if (!/^[A-Z0-9]{5,20}$/.test(text)) return null
  const fitting = QUOTES.filter(one => text.endsWith(one) && text.length > one.length + 1)
  // XBTUSD is XBT in USD, not XB in TUSD
  const quote = fitting.find(one => text.slice(0, -one.length) in ALIASES) ?? fitting[0]
  return quote ? { base: text.slice(0, -quote.length), quote, settle: null } : null
}

/**
 * What a candle file's name tells: `binance-BTC_USDT-1h-2017-2024.csv.gz`, freqtrade's `BTC_USDT-1h.json`, an archive's
 * `BTCUSDT-1h-2024-01.zip` or `BTCUSDT_1h_20240101_20241231.csv`.
 */
export function namesOfFile(file: string): { exchange?: string; symbol?: string } {
  const match = /^(?:([a-z][a-z0-9]*)-)?([A-Z0-9]{2,12}[_-]?[A-Z0-9]{2,8})[-_](?:\d+[mhdwM]o?)(?![A-Za-z0-9])/.exec(
    file.replace(/_(?=\d+[mhdwM])/, '-'),
  )
  const symbol = match ? parseSymbol(match[2]!) : null
  return { ...(match?.[1] ? { exchange: match[1] } : {}), ...(symbol ? { symbol } : {}) }
}
