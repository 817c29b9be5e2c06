// Tables for people: columns as wide as their longest cell, numbers to the right.

export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, k) => Math.max(title.length, ...rows.map(row => row[k]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, k) => cell.padStart(widths[k]!))
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)]
}

/** Decimal text with at most `places` places, cut, with the sign kept: for reading, never for reckoning. */
export function shortDecimal(text: string, places = 2): string {
  const [whole, fraction = ''] = text.split('.')
  const kept = fraction.slice(0, places)
  return places === 0 || kept === '' ? whole! : `${whole}.${kept}`
}
