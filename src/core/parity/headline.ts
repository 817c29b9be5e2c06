// The difference of a deal and its simulation in one sentence.

import { Decimal } from '../money/decimal.ts'
import { PARITY_PARTS, type ParityPart } from './attribute.ts'

const CENT = Decimal.from('0.005')

/** What a part means, for its losing and its gaining side. */
const WORDS: Readonly<Record<ParityPart, readonly [worse: string, better: string]>> = {
  decisions: ['other decisions', 'other decisions'],
  quantity: ['another quantity', 'another quantity'],
  entryLatency: ['a later entry', 'a later entry'],
  entrySlippage: ['a worse entry price', 'a better entry price'],
  exitLatency: ['a later exit', 'a later exit'],
  exitSlippage: ['a worse exit price', 'a better exit price'],
  fees: ['higher fees', 'lower fees'],
  funding: ['funding', 'funding'],
  path: ['another path of the price', 'another path of the price'],
}

export function partInWords(part: ParityPart, amount: Decimal): string {
  return WORDS[part][amount.isNegative() ? 0 : 1]
}

/** Money for reading: two decimals, more where the first two say nothing. */
function money(amount: Decimal): string {
  const places = amount.abs().lt(CENT) ? 6 : 2
  const [whole = '0', fraction = ''] = amount.round(places, 'half_even').toString().split('.')
  return `${amount.isPositive() ? '+' : ''}${whole}.${fraction.padEnd(2, '0')}`
}

/**
 * @param parts in quote, as `attribute` gives them.
 * @returns such as `-1.08 USDT, of which -0.99 by another quantity and -0.05 by a later exit`.
 */
export function parityHeadline(difference: Decimal, parts: Readonly<Record<ParityPart, Decimal>>, quote: string): string {
  const significant = PARITY_PARTS.map(part => ({ part, amount: parts[part] }))
    .filter(({ amount }) => amount.abs().gte(CENT))
    .toSorted((a, b) => b.amount.abs().compare(a.amount.abs()))
    .slice(0, 2)
    .map(({ part, amount }) => `${money(amount)} by ${partInWords(part, amount)}`)
  if (difference.abs().lt(CENT)) {
    if (significant.length === 0) return 'The simulation agrees to the cent'
    return `The simulation ends at the same result by another way: ${significant.join(' and ')}`
  }
  return significant.length === 0
    ? `${money(difference)} ${quote} against the simulation`
    : `${money(difference)} ${quote}, of which ${significant.join(' and ')}`
}
