import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reads } from './evaluate.ts'
import { RecordedReads, RecordingReads } from './recorded-reads.ts'
import type { SeriesNode } from './series-node.ts'

const node = { id: 'rsi', series: 'BTC|1h' } as SeriesNode
const source: Reads = {
  value: (_node, barsAgo) => [34.2, Number.NaN, Number.NEGATIVE_INFINITY][barsAgo],
  barOpenMs: (_series, barsAgo) => (barsAgo < 2 ? 3_600_000 - barsAgo * 60_000 : undefined),
  barCount: () => 7,
}

test('answers come back through JSON as they were given', () => {
  const recording = new RecordingReads(source)
  for (const barsAgo of [0, 1, 2, 3]) recording.value(node, barsAgo)
  recording.barOpenMs('BTC|1h', 0)
  recording.barOpenMs('BTC|1h', 5)
  recording.barCount('BTC|1h')
  const recorded = new RecordedReads(JSON.parse(JSON.stringify(recording.record())))
  for (const barsAgo of [0, 1, 2, 3]) assert.equal(recorded.value(node, barsAgo), source.value(node, barsAgo))
  assert.equal(recorded.barOpenMs('BTC|1h', 0), 3_600_000)
  assert.equal(recorded.barOpenMs('BTC|1h', 5), undefined)
  assert.equal(recorded.barCount('BTC|1h'), 7)
})

test('what was not read then is refused, not guessed', () => {
  const recorded = new RecordedReads(new RecordingReads(source).record())
  assert.throws(() => recorded.value(node, 0), /did not read rsi@0/)
})
