// Everything that is wrong, and everything that works against each other; a click leads to the field.

import { UnstyledButton } from '@mantine/core'
import type { Conflict } from '../../../../src/contract/dca-conflicts.ts'
import type { Finding } from '../../../../src/contract/finding.ts'
import { fieldId } from './fields.tsx'
import { keysOf, parentOf } from './path.ts'

const SECTION_OF: Readonly<Record<string, string>> = {
  name: 'basics',
  exchange: 'basics',
  pairs: 'basics',
  timeframe: 'basics',
  maxActiveDeals: 'basics',
  maxDealsPerPair: 'basics',
  baseOrder: 'base',
  entry: 'entry',
  dealStart: 'entry',
  stopAfterDeals: 'entry',
  averaging: 'averaging',
  exits: 'exits',
  regime: 'protection',
  emergencyBrake: 'protection',
}

/** Brings the field of a path into view and into focus; the nearest parent where it has none of its own. */
export function showField(path: string): void {
  for (let at = path; at !== ''; at = parentOf(at)) {
    const element = document.getElementById(fieldId(at))
    if (!element) continue
    element.scrollIntoView({ block: 'center' })
    element.focus({ preventScroll: true })
    return
  }
  const section = SECTION_OF[String(keysOf(path)[0] ?? '')] ?? 'risk'
  document.getElementById(`section-${section}`)?.scrollIntoView({ block: 'start' })
}

/** exits.takeProfit.targets[0].profitPct -> exits, take profit, targets 1, profit pct */
export function pathWords(path: string): string {
  return keysOf(path.replace(/^config\.?/, ''))
    .map(key => (typeof key === 'number' ? String(key + 1) : key.replace(/([A-Z])/g, letter => ` ${letter.toLowerCase()}`)))
    .join(' › ')
}

export function FindingsList({ findings, conflicts }: { findings: readonly Finding[]; conflicts: readonly Conflict[] }) {
  if (findings.length === 0 && conflicts.length === 0) return null
  return (
    <div className="findings" role="status">
      {findings.length > 0 && (
        <>
          <h3>{findings.length === 1 ? 'One thing keeps' : `${findings.length} things keep`} it from being saved</h3>
          <ul>
            {findings.map(one => (
              <li key={`${one.path} ${one.code} ${one.message}`}>
                <UnstyledButton onClick={() => showField(one.path)}>
                  <strong>{pathWords(one.path) || 'config'}</strong>: {one.message}
                </UnstyledButton>
              </li>
            ))}
          </ul>
        </>
      )}
      {conflicts.length > 0 && (
        <>
          <h3 className="warn">Worth a second look</h3>
          <ul>
            {conflicts.map(one => (
              <li key={one.code}>
                <UnstyledButton onClick={() => showField(one.paths[0] ?? '')}>{one.message}</UnstyledButton>{' '}
                <span className="dim">{one.code}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
