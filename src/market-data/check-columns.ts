// Whether stored bars are what bars must be: ascending, on the grid, the body within low and high, figures finite.

import type { CandleColumns } from '../core/market/candles.ts'
import { bucketStart, type Timeframe } from '../core/market/timeframe.ts'
import { isoText } from './import/series.ts'

export interface ColumnFault {
  readonly openTimeMs: number
  readonly reason: string
}

/** All faults, in the order of the bars. */
export function checkColumns(columns: CandleColumns, timeframe: Timeframe): ColumnFault[] {
  const faults: ColumnFault[] = []
  const { openTimeMs, open, high, low, close, volume, length } = columns
  for (let i = 0; i < length; i += 1) {
    const at = openTimeMs[i]!
    const fault = (reason: string) => faults.push({ openTimeMs: at, reason: `${isoText(at)}: ${reason}` })
    if (i > 0 && !(at > openTimeMs[i - 1]!)) fault(`not after the bar before it, ${isoText(openTimeMs[i - 1]!)}`)
    if (bucketStart(timeframe, at) !== at) fault(`not on the ${timeframe} grid`)
    const [o, h, l, c] = [open[i]!, high[i]!, low[i]!, close[i]!]
    if (!(l > 0 && h < Number.POSITIVE_INFINITY)) fault(`prices ${o} ${h} ${l} ${c} are not all above 0`)
    else if (!(l <= o && l <= c && o <= h && c <= h)) fault(`open ${o} or close ${c} lies outside low ${l} and high ${h}`)
    if (volume[i]! < 0 || volume[i] === Number.POSITIVE_INFINITY) fault(`volume is ${volume[i]}`)
  }
  return faults
}
