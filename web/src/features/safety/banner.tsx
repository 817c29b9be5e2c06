// Above every page whenever something is restricted: what, why, by whom, since when, what goes on all the same, and the way out.

import { Button, Tooltip } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { SafetyRecordView, SafetyView } from '../../../../src/contract/safety.ts'
import { Time } from '../../ui/figure.tsx'
import { Icon } from '../../ui/icon.tsx'
import { KillDialog, ResetDialog } from './dialogs.tsx'
import { byWhom, LEVELS, narrowRecords, rulingRecord, useSafety } from './safety.ts'
import './safety.css'

/** The switch in the bar on top; nothing for who may only look. */
export function KillSwitchButton({ role }: { role: string }) {
  const safety = useSafety()
  const [opened, setOpened] = useState(false)
  if (role === 'viewer' || safety.data === undefined) return null
  const isHalted = safety.data.records.some(each => each.scope === 'tenant' && each.level === 'halted')
  const says = isHalted ? 'Kill switch: your bots are halted already' : 'Kill switch: stop new exposure at once'
  return (
    <>
      <Tooltip label={says}>
        <Button
          size="sm"
          color="loss"
          variant="light"
          className="killSwitch"
          aria-label="Kill switch"
          onClick={() => setOpened(true)}
        >
          <Icon name="stop" size={14} />
          <span className="killWord">Kill switch</span>
        </Button>
      </Tooltip>
      <KillDialog safety={safety.data} opened={opened} onClose={() => setOpened(false)} />
    </>
  )
}

export function SafetyBanner() {
  const { data } = useSafety()
  if (data === undefined) return null
  const record = data.level === 'normal' ? undefined : rulingRecord(data)
  const narrow = narrowRecords(data)
  return (
    <>
      {data.level !== 'normal' && <Ruling safety={data} record={record} />}
      {data.level === 'normal' && narrow.length > 0 && <Narrow records={narrow} />}
      {data.disk !== null && data.disk.state === 'low' && (
        <output className="safetyBanner brass">
          <Icon name="alert" />
          <p>Only {data.disk.freePct} % of the disk are free. Below 5 % nothing new is opened; stops and targets go on.</p>
        </output>
      )}
    </>
  )
}

function Ruling({ safety, record }: { safety: SafetyView; record: SafetyRecordView | undefined }) {
  const [opened, setOpened] = useState(false)
  const face = LEVELS[safety.level]
  const by = byWhom(record?.actor ?? null)
  const mayReset = record !== undefined && safety.mayReset.includes(record.scope)
  return (
    <section className={`safetyBanner ${face.tone}`} aria-label="Safety">
      <Icon name="alert" />
      <div className="safetySay">
        <p>
          <strong>
            {face.label}: {record?.scope === 'global' ? 'the whole instance' : 'all your bots'}
          </strong>
          . {capital(record?.reason ?? safety.reason)}
        </p>
        <p className="small">
          {by !== '' && <>Set by {by}</>}
          {record?.since && (
            <>
              {by === '' ? 'Since ' : ', '}
              <Time iso={record.since} />
            </>
          )}
          {(by !== '' || record?.since) && '. '}
          Nothing new is bought. Stops and targets stay in place, and open deals are sold as they would be.
        </p>
      </div>
      {mayReset && record ? (
        <>
          <Button size="xs" variant="default" onClick={() => setOpened(true)}>
            Allow trading again
          </Button>
          <ResetDialog record={record} opened={opened} onClose={() => setOpened(false)} />
        </>
      ) : (
        record && <p className="small">{record.scope === 'global' ? 'The owner of this instance can end it.' : ''}</p>
      )}
    </section>
  )
}

function Narrow({ records }: { records: readonly SafetyRecordView[] }) {
  const [first] = records
  if (!first) return null
  const others = records.length - 1
  return (
    <section className="safetyBanner brass" aria-label="Safety">
      <Icon name="alert" />
      <p className="safetySay">
        <strong>
          {first.name} is {LEVELS[first.level].label.toLowerCase()}
        </strong>
        {others > 0 ? ` and ${others} more` : ''}: {first.reason}. Its stops and targets stay in place.
      </p>
      <Button component={Link} to="/settings" hash="safety" size="xs" variant="default">
        Look at it
      </Button>
    </section>
  )
}

/** A sentence of the record's reason. */
function capital(text: string): string {
  const trimmed = text.trim().replace(/\.$/, '')
  return trimmed === '' ? '' : `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`
}
