// Several files of one series as one: in the order of time, bars that several files hold once.

import { allocateColumns, type CandleColumns, sliceColumns } from '../../core/market/candles.ts'
import { CandleFileError, FindingList } from './candle-file-error.ts'
import { isoText } from './series.ts'

export interface SeriesPart {
  readonly file: string
  readonly columns: CandleColumns
}

/** @throws CandleFileError where two files give one bar different figures. */
export function mergeSeries(parts: readonly SeriesPart[]): CandleColumns {
  const [only] = parts
  if (parts.length === 1 && only) return only.columns
  const merged = allocateColumns(parts.reduce((sum, part) => sum + part.columns.length, 0))
  const next = parts.map(() => 0)
  const findings = new FindingList()
  let owner = -1
  let n = 0
  for (;;) {
    let k = -1
    for (let one = 0; one < parts.length; one += 1) {
      if (next[one]! >= parts[one]!.columns.length) continue
      if (k < 0 || timeOf(parts[one]!, next[one]!) < timeOf(parts[k]!, next[k]!)) k = one
    }
    if (k < 0) break
    const { columns, file } = parts[k]!
    const i = next[k]!
    next[k] = i + 1
    if (n > 0 && merged.openTimeMs[n - 1] === columns.openTimeMs[i]) {
      if (!sameBar(merged, n - 1, columns, i)) {
        findings.add(0, `${isoText(columns.openTimeMs[i]!)} is in ${parts[owner]!.file} and in ${file} with different figures`)
      }
      continue
    }
    merged.openTimeMs[n] = columns.openTimeMs[i]!
    merged.open[n] = columns.open[i]!
    merged.high[n] = columns.high[i]!
    merged.low[n] = columns.low[i]!
    merged.close[n] = columns.close[i]!
    merged.volume[n] = columns.volume[i]!
    owner = k
    n += 1
  }
  if (findings.count > 0) throw new CandleFileError(parts.map(part => part.file).join(', '), findings.first(), findings.count)
  return sliceColumns(merged, 0, n)
}

function timeOf(part: SeriesPart, i: number): number {
  return part.columns.openTimeMs[i]!
}

function sameBar(a: CandleColumns, i: number, b: CandleColumns, j: number): boolean {
  return (
    a.open[i] === b.open[j] &&
    a.high[i] === b.high[j] &&
    a.low[i] === b.low[j] &&
    a.close[i] === b.close[j] &&
    Object.is(a.volume[i], b.volume[j])
  )
}
