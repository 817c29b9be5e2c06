/**
 * What one evaluation read, kept as data: a step that is written down with it can be stepped again years later, when candles and
 * indicators are long gone, and must decide the same.
 */

import type { Reads } from './evaluate.ts'
import type { SeriesKey, SeriesNode } from './series-node.ts'

/** Answers by `<node or series>@<bars ago>`; what JSON cannot carry is text: 'NaN', and null where nothing was known. */
export interface ReadsRecord {
  readonly values: Readonly<Record<string, number | string | null>>
  readonly opens: Readonly<Record<string, number | null>>
  readonly counts: Readonly<Record<SeriesKey, number>>
}

/** Hands on every question to `source` and keeps its answer. */
export class RecordingReads implements Reads {
  readonly #source: Reads
  readonly #values: Record<string, number | string | null> = {}
  readonly #opens: Record<string, number | null> = {}
  readonly #counts: Record<SeriesKey, number> = {}

  constructor(source: Reads) {
    this.#source = source
  }

  value(node: SeriesNode, barsAgo: number): number | undefined {
    const value = this.#source.value(node, barsAgo)
    this.#values[`${node.id}@${barsAgo}`] = value === undefined ? null : Number.isFinite(value) ? value : String(value)
    return value
  }

  barOpenMs(series: SeriesKey, barsAgo: number): number | undefined {
    const openMs = this.#source.barOpenMs(series, barsAgo)
    this.#opens[`${series}@${barsAgo}`] = openMs ?? null
    return openMs
  }

  barCount(series: SeriesKey): number {
    const count = this.#source.barCount(series)
    this.#counts[series] = count
    return count
  }

  record(): ReadsRecord {
    return { values: this.#values, opens: this.#opens, counts: this.#counts }
  }
}

/** Answers as recorded. @throws Error where something is asked that was not read then: the code has changed. */
export class RecordedReads implements Reads {
  readonly #record: ReadsRecord

  constructor(record: ReadsRecord) {
    this.#record = record
  }

  value(node: SeriesNode, barsAgo: number): number | undefined {
    const value = answer(this.#record.values, `${node.id}@${barsAgo}`)
    return value === null ? undefined : Number(value)
  }

  barOpenMs(series: SeriesKey, barsAgo: number): number | undefined {
    return answer(this.#record.opens, `${series}@${barsAgo}`) ?? undefined
  }

  barCount(series: SeriesKey): number {
    return answer(this.#record.counts, series)
  }
}

function answer<T>(answers: Readonly<Record<string, T>>, question: string): T {
  if (!Object.hasOwn(answers, question)) throw new Error(`the recorded step did not read ${question}`)
  return answers[question]!
}
