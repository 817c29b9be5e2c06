// Safety in the settings: each scope with its state, the limits that trip it by themselves, the disk, and what happened to it.

import { Button, Group, NumberInput, Text, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import type { SafetyHistoryView, SafetyRecordView, SafetyView } from '../../../../src/contract/safety.ts'
import { useRead } from '../../client/queries.ts'
import { Empty, Faces, Failed } from '../../ui/faces.tsx'
import { Time } from '../../ui/figure.tsx'
import { Scroll } from '../../ui/scroll.tsx'
import { KillDialog, ResetDialog } from './dialogs.tsx'
import { byWhom, LEVELS, type Level, saidOf, useSafety, useSafetyChange } from './safety.ts'
import './safety.css'

export function SafetyPanel() {
  const safety = useSafety()
  const [killing, setKilling] = useState(false)
  // Whoever comes by a banner wants this panel and not the top of the page.
  useEffect(() => {
    if (window.location.hash === '#safety') document.getElementById('safety')?.scrollIntoView()
  }, [])
  return (
    <section className="panel" id="safety">
      <div className="panelHead">
        <h2>Safety</h2>
        <span style={{ flex: 1 }} />
        {safety.data && safety.data.mayReset.length > 0 && (
          <Button size="xs" color="loss" variant="light" onClick={() => setKilling(true)}>
            Kill switch
          </Button>
        )}
      </div>
      <Faces query={safety} what="The safety record cannot be read">
        {data => (
          <>
            <States safety={data} />
            {data.mayReset.length > 0 && <Limits key={data.limits.version} safety={data} />}
            <KillDialog safety={data} opened={killing} onClose={() => setKilling(false)} />
          </>
        )}
      </Faces>
      <History />
    </section>
  )
}

function Chip({ level }: { level: Level }) {
  const { label, tone, sign } = LEVELS[level]
  return (
    <span className={`chip ${tone}`}>
      <span aria-hidden="true">{sign}</span> {label}
    </span>
  )
}

function States({ safety }: { safety: SafetyView }) {
  const { disk } = safety
  return (
    <div className="safetyState">
      {safety.records.map(record => (
        <State
          key={`${record.scope} ${record.scopeId ?? ''}`}
          record={record}
          mayReset={safety.mayReset.includes(record.scope)}
        />
      ))}
      {disk && (
        <div className="safetyRow">
          <strong>Disk</strong>
          <span className="say dim small">
            {disk.freePct === null ? 'Its free space cannot be read.' : `${disk.freePct} % free.`}{' '}
            {disk.reserve === 'held'
              ? 'A reserve is kept for a full disk.'
              : disk.reserve === 'freed'
                ? 'The reserve is given up.'
                : ''}
          </span>
        </div>
      )}
    </div>
  )
}

function State({ record, mayReset }: { record: SafetyRecordView; mayReset: boolean }) {
  const [opened, setOpened] = useState(false)
  const by = byWhom(record.actor)
  return (
    <div className="safetyRow">
      <strong>{record.name}</strong>
      <Chip level={record.level} />
      <span className="say dim small">
        {record.level === 'normal' ? '' : `${record.reason}${by === '' ? '' : `, set by ${by}`}`}
        {record.level !== 'normal' && record.since && (
          <>
            {' · '}
            <Time iso={record.since} />
          </>
        )}
        {record.endsAt && ' · ends by itself at 00:00 UTC'}
      </span>
      {record.level !== 'normal' && mayReset && (
        <>
          <Button size="xs" variant="default" onClick={() => setOpened(true)} aria-label={`Allow trading again: ${record.name}`}>
            Allow trading again
          </Button>
          <ResetDialog record={record} opened={opened} onClose={() => setOpened(false)} />
        </>
      )}
    </div>
  )
}

const COUNTS = [
  { key: 'maxRejectsPerMin', label: 'Refused orders a minute', standard: '5' },
  { key: 'maxOrdersPerMin', label: 'Orders a minute', standard: '60' },
  { key: 'maxOrdersPer10Sec', label: 'Orders in 10 seconds', standard: '10' },
] as const
const PERCENTS = [
  { key: 'maxDailyLossPct', label: 'Daily loss, %', says: 'Close-only until 00:00 UTC' },
  { key: 'maxDrawdownPct', label: 'Fall from the peak, %', says: 'Halts the bot' },
] as const

function Limits({ safety }: { safety: SafetyView }) {
  const chosen = safety.limits.chosen ?? {}
  const [percents, setPercents] = useState<Record<string, string>>(
    Object.fromEntries(PERCENTS.map(({ key }) => [key, chosen[key] ?? ''])),
  )
  const [counts, setCounts] = useState<Record<string, number | string>>(
    Object.fromEntries(COUNTS.map(({ key }) => [key, chosen[key] ?? ''])),
  )
  const save = useSafetyChange('setSafetyLimits', 'The limits are stored')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const limits = {
      ...Object.fromEntries(
        Object.entries(percents).flatMap(([key, value]) => (value.trim() === '' ? [] : [[key, value.trim()]])),
      ),
      ...Object.fromEntries(Object.entries(counts).flatMap(([key, value]) => (value === '' ? [] : [[key, Number(value)]]))),
    }
    save.mutate({ body: { limits, baseVersion: safety.limits.version } })
  }
  const placed = [...PERCENTS, ...COUNTS].some(({ key }) => saidOf(save.error, key) !== undefined)
  return (
    <form onSubmit={submit} className="panelBody">
      <h3 style={{ marginTop: 0 }}>Limits of each bot</h3>
      {safety.limits.chosen === null && <Failed error={{ message: 'What is stored cannot be read. Set the limits again.' }} />}
      <Group align="flex-start" wrap="wrap">
        {PERCENTS.map(({ key, label, says }) => (
          <TextInput
            key={key}
            label={label}
            description={says}
            inputMode="decimal"
            placeholder="none"
            w={170}
            value={percents[key] ?? ''}
            error={saidOf(save.error, key)}
            onChange={event => {
              const { value } = event.currentTarget
              setPercents(before => ({ ...before, [key]: value }))
            }}
          />
        ))}
        {COUNTS.map(({ key, label, standard }) => (
          <NumberInput
            key={key}
            label={label}
            description="More halts the bot"
            placeholder={standard}
            w={170}
            min={1}
            max={10_000}
            allowDecimal={false}
            value={counts[key] ?? ''}
            error={saidOf(save.error, key)}
            onChange={value => setCounts(before => ({ ...before, [key]: value }))}
          />
        ))}
      </Group>
      <Text size="sm" c="dimmed" mt="sm">
        A fence around what each bot keeps to by itself. A limit inside of the bot's own one refuses its next start.
      </Text>
      {save.error && !placed && <Failed error={save.error} what="Not stored" />}
      <Button type="submit" variant="default" mt="sm" loading={save.isPending}>
        Store the limits
      </Button>
    </form>
  )
}

function History() {
  const history = useRead('safetyHistory', { query: { limit: 20 } }, { everyMs: 30_000 })
  return (
    <>
      <div className="panelBody" style={{ paddingBottom: 0 }}>
        <h3 style={{ margin: 0 }}>History</h3>
      </div>
      <Faces query={history} what="The history cannot be read" quiet>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing was ever restricted" />
          ) : (
            <Scroll label="History of the safety record">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Time</th>
                    <th>State</th>
                    <th>For</th>
                    <th>By</th>
                    <th>Reason</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map(item => (
                    <Row key={item.id} item={item} />
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Faces>
    </>
  )
}

function Row({ item }: { item: SafetyHistoryView }) {
  return (
    <tr>
      <td>
        <Time iso={item.at} />
      </td>
      <td>
        <Chip level={item.level} />
      </td>
      <td>{item.name}</td>
      <td>{byWhom(item.actor)}</td>
      <td className="say">{item.reason}</td>
    </tr>
  )
}
