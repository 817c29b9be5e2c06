// Equity at the end against the initial balance.

/** Percent points; null without an initial balance. */
export function totalReturn(finalEquity: number, initialBalance: number): number | null {
  return initialBalance > 0 ? (finalEquity / initialBalance - 1) * 100 : null
}
