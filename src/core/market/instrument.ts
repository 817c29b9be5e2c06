// A tradable pair at one exchange with the rules its orders must obey.

import { Decimal } from '../money/decimal.ts'

declare const instrumentIdBrand: unique symbol
/** `exchange:SYMBOL`, built only by `instrumentId` or the registry that resolves aliases at the edge. */
export type InstrumentId = string & { readonly [instrumentIdBrand]: true }

export interface Instrument {
  readonly id: InstrumentId
  readonly exchange: string
  /** ccxt unified, such as BTC/USDT. */
  readonly symbol: string
  readonly base: string
  readonly quote: string
  readonly kind: 'spot' | 'swap'
  readonly tick: Decimal
  readonly step: Decimal
  readonly minQty: Decimal
  readonly minNotional: Decimal
  readonly makerBps: Decimal
  readonly takerBps: Decimal
  /** Currency in which simulated fees are taken: that of the quote, of the base, or none of both. */
  readonly feeAsset: string
  /** Rules that not every venue has; absent is no such rule. */
  readonly maxQty?: Decimal
  /** A limit price may be at most this many times the price of the market, and at least that many times. */
  readonly priceUpMultiplier?: Decimal
  readonly priceDownMultiplier?: Decimal
  /** Working orders that one account may have here at a time. */
  readonly maxOpenOrders?: number
}

/** The rules of an instrument as JSON: decimals as text. */
export interface InstrumentRules {
  readonly exchange: string
  readonly symbol: string
  readonly base: string
  readonly quote: string
  readonly kind: 'spot' | 'swap'
  readonly tick: string
  readonly step: string
  readonly minQty: string
  readonly minNotional: string
  readonly makerBps: string
  readonly takerBps: string
  readonly feeAsset: string
  readonly maxQty?: string
  readonly priceUpMultiplier?: string
  readonly priceDownMultiplier?: string
  readonly maxOpenOrders?: number
}

/** The rules that not every venue has, of an object that has them. */
export function optionalRules(
  from: {
    readonly [Name in keyof OptionalRules]?: OptionalRules[Name] | undefined
  },
): OptionalRules {
  const { maxQty, priceUpMultiplier, priceDownMultiplier, maxOpenOrders } = from
  return {
    ...(maxQty === undefined ? {} : { maxQty }),
    ...(priceUpMultiplier === undefined ? {} : { priceUpMultiplier }),
    ...(priceDownMultiplier === undefined ? {} : { priceDownMultiplier }),
    ...(maxOpenOrders === undefined ? {} : { maxOpenOrders }),
  }
}

export type OptionalRules = Pick<InstrumentRules, 'maxQty' | 'priceUpMultiplier' | 'priceDownMultiplier' | 'maxOpenOrders'>

const SYMBOL = /^([A-Z0-9._-]{1,20})\/([A-Z0-9._-]{1,20})(:[A-Z0-9._-]{1,20})?$/

export function splitSymbol(symbol: string): { base: string; quote: string; settle: string | null } | null {
  const match = SYMBOL.exec(symbol)
  return match ? { base: match[1]!, quote: match[2]!, settle: match[3] ? match[3].slice(1) : null } : null
}

export function instrumentId(exchange: string, symbol: string): InstrumentId {
  if (!splitSymbol(symbol))
    throw new RangeError(`symbol ${JSON.stringify(symbol)} is not of the form BASE/QUOTE, such as BTC/USDT`)
  return `${exchange}:${symbol}` as InstrumentId
}

/** @throws RangeError where a rule is missing, negative, or a grid is zero. */
export function instrumentFromRules(rules: InstrumentRules): Instrument {
  const positive = (name: keyof InstrumentRules): Decimal => {
    const value = Decimal.from(rules[name] as string)
    if (!value.isPositive()) throw new RangeError(`instrument ${rules.symbol}: ${name} is ${rules[name]}, it must be above 0`)
    return value
  }
  const notNegative = (name: keyof InstrumentRules): Decimal => {
    const value = Decimal.from(rules[name] as string)
    if (value.isNegative()) throw new RangeError(`instrument ${rules.symbol}: ${name} is ${rules[name]}, it must not be negative`)
    return value
  }
  if (rules.feeAsset !== rules.base && rules.feeAsset !== rules.quote) {
    throw new RangeError(
      `instrument ${rules.symbol}: feeAsset is ${rules.feeAsset}; simulated fees are taken in ${rules.quote} or ${rules.base}, a third coin has no price here`,
    )
  }
  const { maxOpenOrders } = rules
  if (maxOpenOrders !== undefined && !(Number.isSafeInteger(maxOpenOrders) && maxOpenOrders > 0))
    throw new RangeError(`instrument ${rules.symbol}: maxOpenOrders is ${maxOpenOrders}, it must be a whole number above 0`)
  return {
    id: instrumentId(rules.exchange, rules.symbol),
    exchange: rules.exchange,
    symbol: rules.symbol,
    base: rules.base,
    quote: rules.quote,
    kind: rules.kind,
    tick: positive('tick'),
    step: positive('step'),
    minQty: notNegative('minQty'),
    minNotional: notNegative('minNotional'),
    makerBps: Decimal.from(rules.makerBps),
    takerBps: notNegative('takerBps'),
    feeAsset: rules.feeAsset,
    ...(rules.maxQty === undefined ? {} : { maxQty: positive('maxQty') }),
    ...(rules.priceUpMultiplier === undefined ? {} : { priceUpMultiplier: positive('priceUpMultiplier') }),
    ...(rules.priceDownMultiplier === undefined ? {} : { priceDownMultiplier: positive('priceDownMultiplier') }),
    ...(maxOpenOrders === undefined ? {} : { maxOpenOrders }),
  }
}

export function instrumentRules(instrument: Instrument): InstrumentRules {
  return {
    exchange: instrument.exchange,
    symbol: instrument.symbol,
    base: instrument.base,
    quote: instrument.quote,
    kind: instrument.kind,
    tick: instrument.tick.toString(),
    step: instrument.step.toString(),
    minQty: instrument.minQty.toString(),
    minNotional: instrument.minNotional.toString(),
    makerBps: instrument.makerBps.toString(),
    takerBps: instrument.takerBps.toString(),
    feeAsset: instrument.feeAsset,
    ...optionalRules({
      maxQty: instrument.maxQty?.toString(),
      priceUpMultiplier: instrument.priceUpMultiplier?.toString(),
      priceDownMultiplier: instrument.priceDownMultiplier?.toString(),
      maxOpenOrders: instrument.maxOpenOrders,
    }),
  }
}

/** What a backtest assumes where nobody told it the venue's rules; the report repeats them. */
export function defaultRules(exchange: string, symbol: string): InstrumentRules {
  const parts = splitSymbol(symbol)
  if (!parts) throw new RangeError(`symbol ${JSON.stringify(symbol)} is not of the form BASE/QUOTE, such as BTC/USDT`)
  return {
    exchange,
    symbol,
    base: parts.base,
    quote: parts.quote,
    kind: parts.settle ? 'swap' : 'spot',
    tick: '0.01',
    step: '0.00001',
    minQty: '0',
    minNotional: '5',
    makerBps: '10',
    takerBps: '10',
    feeAsset: parts.quote,
  }
}
