// The parts of a difference: only those that are not zero, and their sum.

import type { ParityReport } from '../../../../src/contract/parity.ts'
import { Result } from '../../ui/figure.tsx'
import { PART_WORDS } from './words.ts'

type Parts = NonNullable<ParityReport['parts']>

export function Parts({ parts, difference }: { parts: Parts; difference: string | null }) {
  const told = (Object.keys(PART_WORDS) as (keyof Parts)[]).filter(part => Number(parts[part]) !== 0)
  if (told.length === 0) return null
  return (
    <table className="plain">
      <tbody>
        {told.map(part => (
          <tr key={part}>
            <td>{PART_WORDS[part]}</td>
            <td className="r" title={parts[part]}>
              <Result value={parts[part]} />
            </td>
          </tr>
        ))}
        <tr>
          <td>
            <strong>Difference</strong>
          </td>
          <td className="r" title={difference ?? ''}>
            <strong>
              <Result value={difference} />
            </strong>
          </td>
        </tr>
      </tbody>
    </table>
  )
}
