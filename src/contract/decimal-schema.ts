/** Decimals at the edge: JSON text, in configs also numbers of at most 15 significant digits. Inside they are text without exponent. */

import { z } from 'zod'
import { Decimal } from '../core/money/decimal.ts'
import { raise } from './finding.ts'

export interface DecimalBounds {
  /** Inclusive. */
  readonly min?: string
  /** Inclusive. */
  readonly max?: string
  /** Exclusive. */
  readonly above?: string
  /** Exclusive. */
  readonly below?: string
}

const SIGNIFICANT_DIGITS = 15

/** A decimal of a config: text or number in, minimal text out. */
export function configDecimal(bounds: DecimalBounds = {}) {
  return z
    .unknown()
    .transform((value, ctx): string => {
      const decimal = readDecimal(value)
      if (typeof decimal === 'string') {
        raise(ctx, value === undefined ? 'REQUIRED' : 'NOT_DECIMAL', decimal)
        return z.NEVER
      }
      const outside = outsideOf(decimal, bounds)
      if (outside !== null) {
        raise(ctx, 'OUT_OF_RANGE', outside)
        return z.NEVER
      }
      return decimal.toString()
    })
    .meta({ decimal: bounds })
}

/** A decimal or, in words, why it is none. */
function readDecimal(value: unknown): Decimal | string {
  if (value === undefined) return 'missing'
  if (typeof value !== 'string' && typeof value !== 'number') return 'not a decimal number'
  const text = String(value)
  if (!Decimal.isDecimalText(text)) return 'not a decimal number; write digits with an optional point, such as "0.001"'
  if (typeof value === 'number' && significantDigits(text) > SIGNIFICANT_DIGITS)
    return `a JSON number keeps ${SIGNIFICANT_DIGITS} digits; write this one as text, such as "${text}"`
  const decimal = Decimal.from(text)
  // Written without its exponent it must still be a decimal: it is stored so.
  return Decimal.isDecimalText(decimal.toString()) ? decimal : 'too many digits'
}

function significantDigits(text: string): number {
  const digits = /^-?([\d.]+)/.exec(text)?.[1] ?? ''
  return digits.replace('.', '').replace(/^0+/, '').length
}

function outsideOf(value: Decimal, { min, max, above, below }: DecimalBounds): string | null {
  if (min !== undefined && value.lt(Decimal.from(min))) return `must be at least ${min}`
  if (max !== undefined && value.gt(Decimal.from(max))) return `must be at most ${max}`
  if (above !== undefined && value.lte(Decimal.from(above))) return `must be more than ${above}`
  if (below !== undefined && value.gte(Decimal.from(below))) return `must be less than ${below}`
  return null
}

/** Money, price or quantity in a request body: text only. */
export const moneyText = z
  .string()
  .refine(text => Decimal.isDecimalText(text), {
    params: { finding: 'NOT_DECIMAL' },
    message: 'not a decimal number, such as "0.001"',
  })
  .meta({ description: 'Exact decimal as text', examples: ['0.001'] })

/** Far above what any account holds or any coin costs. */
const MOST_MONEY = Decimal.from('1000000000000000')

/** As moneyText, above zero and at most 10^15. */
export const positiveMoneyText = moneyText
  .refine(text => !Decimal.isDecimalText(text) || Decimal.from(text).isPositive(), {
    params: { finding: 'OUT_OF_RANGE' },
    message: 'must be more than 0',
  })
  .refine(text => !Decimal.isDecimalText(text) || Decimal.from(text).lte(MOST_MONEY), {
    params: { finding: 'OUT_OF_RANGE' },
    message: `must be at most ${MOST_MONEY}`,
  })

/** A decimal in an answer: always text. */
export const decimalText = z.string().meta({ description: 'Exact decimal as text', examples: ['0.001'] })
