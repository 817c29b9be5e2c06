// Why the bot did, or did not do, something: newest first, each with its gates and conditions.

import type { DecisionRow } from '../../../../src/contract/decisions.ts'
import { Empty } from '../../ui/faces.tsx'
import { Time } from '../../ui/figure.tsx'

const OUTCOMES: Readonly<Record<DecisionRow['outcome'], { word: string; sign: string; tone: string }>> = {
  entered: { word: 'Bought', sign: '▲', tone: 'petrol' },
  averaged: { word: 'Averaged', sign: '△', tone: 'petrol' },
  exited: { word: 'Sold', sign: '▼', tone: 'gain' },
  held: { word: 'Held', sign: '=', tone: '' },
  no_signal: { word: 'No signal', sign: '·', tone: '' },
  not_evaluable: { word: 'Not known yet', sign: '?', tone: 'brass' },
  blocked: { word: 'Blocked', sign: '⊘', tone: 'brass' },
  error: { word: 'Error', sign: '!', tone: 'loss' },
}

interface GateLine {
  readonly name: string
  readonly passed: boolean | null
  readonly detail: string
}

/** Gates come as a list of records; what cannot be read is left out rather than guessed. */
function gatesOf(value: unknown): GateLine[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((one: unknown) => {
    if (one === null || typeof one !== 'object') return []
    const gate = one as Record<string, unknown>
    const name = gate['gate'] ?? gate['name']
    if (typeof name !== 'string') return []
    const passed = gate['passed'] ?? gate['ok'] ?? gate['pass']
    return [
      {
        name,
        passed: typeof passed === 'boolean' ? passed : null,
        detail: typeof gate['detail'] === 'string' ? gate['detail'] : '',
      },
    ]
  })
}

/** Sentences anywhere inside a trace: conditions say theirs with the numbers. */
function sentencesOf(trace: unknown, found: { text: string; truth: unknown }[] = []): { text: string; truth: unknown }[] {
  if (Array.isArray(trace)) for (const one of trace) sentencesOf(one, found)
  else if (trace !== null && typeof trace === 'object') {
    const record = trace as Record<string, unknown>
    const text = record['sentence'] ?? record['explanation'] ?? record['text']
    if (typeof text === 'string') found.push({ text, truth: record['truth'] ?? record['value'] ?? record['met'] })
    for (const value of Object.values(record)) if (typeof value === 'object') sentencesOf(value, found)
  }
  return found
}

function asleepText(trace: unknown): string | null {
  const asleep = (trace as { asleep?: { bars?: number } } | null)?.asleep
  return asleep ? `slept through ${asleep.bars ?? 'several'} bars: nothing could have changed` : null
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

interface Group {
  readonly newest: DecisionRow
  readonly oldest: DecisionRow
  readonly count: number
}

/** Decisions that say the same one after the other make one line. */
function grouped(decisions: readonly DecisionRow[]): Group[] {
  const groups: Group[] = []
  for (const decision of decisions) {
    const last = groups.at(-1)
    const same =
      last &&
      last.newest.symbol === decision.symbol &&
      last.newest.outcome === decision.outcome &&
      last.newest.reason === decision.reason
    if (last && same) groups[groups.length - 1] = { newest: last.newest, oldest: decision, count: last.count + 1 }
    else groups.push({ newest: decision, oldest: decision, count: 1 })
  }
  return groups
}

export function DecisionsList({ decisions, several }: { decisions: readonly DecisionRow[]; several: boolean }) {
  if (decisions.length === 0)
    return <Empty title="No decisions yet">The bot decides when a candle of its timeframe closes.</Empty>
  return (
    <ul className="decisions">
      {grouped(decisions).map(({ newest: decision, oldest, count }) => {
        const face = OUTCOMES[decision.outcome]
        const gates = gatesOf(decision.gates)
        const sentences = sentencesOf(decision.trace)
        const asleep = asleepText(decision.trace)
        const head = (
          <>
            <span className="num dim decisionTime">
              <Time iso={decision.decidedAt} />
              {count > 1 && (
                <>
                  {' '}
                  since <Time iso={oldest.decidedAt} />
                </>
              )}
            </span>
            {several && <span className="dim">{decision.symbol}</span>}
            <span className={`chip ${face.tone}`}>
              <span aria-hidden="true">{face.sign}</span> {face.word}
            </span>
            <span className="decisionReason">
              {sentence(asleep ?? decision.reason)}
              {count > 1 && <span className="dim"> {count} times</span>}
            </span>
          </>
        )
        const key = `${decision.runId} ${decision.seq} ${decision.symbol}`
        if (gates.length === 0 && sentences.length === 0)
          return (
            <li key={key}>
              <div className="decisionLine">{head}</div>
            </li>
          )
        return (
          <li key={key}>
            <details>
              <summary className="decisionLine">{head}</summary>
              <div className="decisionMore">
                {sentences.map(one => (
                  <p key={one.text}>
                    <span aria-hidden="true">
                      {one.truth === true || one.truth === 1 ? '✓' : one.truth === false || one.truth === 0 ? '✗' : '·'}
                    </span>{' '}
                    {one.text}
                  </p>
                ))}
                {gates.map(gate => (
                  <p key={gate.name} className={gate.passed === false ? 'brassText' : 'dim'}>
                    <span aria-hidden="true">{gate.passed === null ? '·' : gate.passed ? '✓' : '✗'}</span> {gate.name}
                    {gate.detail ? `: ${gate.detail}` : ''}
                  </p>
                ))}
              </div>
            </details>
          </li>
        )
      })}
    </ul>
  )
}
