// What happened around a bot, newest first.

import type { EventRow } from '../../../../src/contract/decisions.ts'
import { Empty } from '../../ui/faces.tsx'
import { Time } from '../../ui/figure.tsx'
import { words } from '../../ui/format.ts'
import { Scroll } from '../../ui/scroll.tsx'

const TONES: Readonly<Record<EventRow['severity'], { sign: string; tone: string }>> = {
  debug: { sign: '·', tone: '' },
  info: { sign: 'i', tone: 'petrol' },
  warning: { sign: '!', tone: 'brass' },
  error: { sign: '▲', tone: 'loss' },
  critical: { sign: '▲', tone: 'loss' },
}

export function EventsTable({ events }: { events: readonly EventRow[] }) {
  if (events.length === 0) return <Empty title="Nothing has happened yet" />
  return (
    <Scroll label="Events">
      <table className="plain">
        <thead>
          <tr>
            <th>Time</th>
            <th>Kind</th>
            <th>Pair</th>
            <th>What happened</th>
          </tr>
        </thead>
        <tbody>
          {events.map(event => {
            const face = TONES[event.severity]
            return (
              <tr key={String(event.id)}>
                <td>
                  <Time iso={event.createdAt} />
                </td>
                <td>
                  <span className={`chip ${face.tone}`} title={event.severity}>
                    <span aria-hidden="true">{face.sign}</span> {words(event.eventType)}
                  </span>
                </td>
                <td>{event.symbol ?? ''}</td>
                <td className="say">{event.message}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </Scroll>
  )
}
