/** Candle patterns: the shape of a bar (C) against the one before (P). B is the body |close - open|. */

import type { PatternName } from './condition.ts'

/** Opens, highs, lows and closes of the previous (p) and the current (c) bar. */
type PatternTest = (pO: number, pH: number, pL: number, pC: number, cO: number, cH: number, cL: number, cC: number) => boolean

export const PATTERN_TESTS: Readonly<Record<PatternName, PatternTest>> = {
  inside_bar: (_pO, pH, pL, _pC, _cO, cH, cL) => cH <= pH && cL >= pL,
  outside_bar: (_pO, pH, pL, _pC, _cO, cH, cL) => cH >= pH && cL <= pL,
  bullish_engulfing: (pO, _pH, _pL, pC, cO, _cH, _cL, cC) => pC < pO && cC > cO && cO < pC && cC > pO,
  bearish_engulfing: (pO, _pH, _pL, pC, cO, _cH, _cL, cC) => pC > pO && cC < cO && cO > pC && cC < pO,
  doji: (_pO, _pH, _pL, _pC, cO, cH, cL, cC) => cH > cL && Math.abs(cC - cO) / (cH - cL) < 0.1,
  hammer: (_pO, _pH, _pL, _pC, cO, cH, cL, cC) => {
    const body = Math.abs(cC - cO)
    return Math.min(cO, cC) - cL > 2 * body && cH - Math.max(cO, cC) < body / 2
  },
  gap_up: (_pO, pH, _pL, _pC, cO) => cO > pH,
  gap_down: (_pO, _pH, pL, _pC, cO) => cO < pL,
  higher_high: (_pO, pH, _pL, _pC, _cO, cH) => cH > pH,
  higher_low: (_pO, _pH, pL, _pC, _cO, _cH, cL) => cL > pL,
  lower_high: (_pO, pH, _pL, _pC, _cO, cH) => cH < pH,
  lower_low: (_pO, _pH, pL, _pC, _cO, _cH, cL) => cL < pL,
}

/** Patterns that look at one bar alone have a value from the first bar on. */
const ONE_BAR: readonly PatternName[] = ['doji', 'hammer']

/** Closed bars until the pattern has its first value. */
export function patternBars(name: PatternName): number {
  return ONE_BAR.includes(name) ? 1 : 2
}
