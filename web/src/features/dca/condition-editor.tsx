// One item of a playbook: its sentence in plain words, the condition behind it, and how long it holds.

import { ActionIcon, Collapse, Group, Switch, Text, UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import { BY_FORM_ONLY, conditionSchema, resolveCondition } from '../../../../src/contract/condition-schema.ts'
import { parseWith } from '../../../../src/contract/finding.ts'
import type { Operand } from '../../../../src/core/conditions/condition.ts'
import { takesOffset } from '../../../../src/core/conditions/levels.ts'
import { describeCondition } from '../../../../src/core/conditions/sentence.ts'
import { Icon } from '../../ui/icon.tsx'
import { asRecord } from './draft.ts'
import { useDraft, useField } from './draft-context.tsx'
import { ChoiceField, CountField, DecimalField, FieldErrors, fieldId, Row, TimeframeField, WayField } from './fields.tsx'
import { OPERATOR_CHOICES } from './indicator-words.ts'
import { OperandEditor, OperandReading } from './operand-editor.tsx'
import { join } from './path.ts'

/** The sentence of a condition as it stands, or null while something in it is wrong. */
export function sentenceOf(condition: unknown): string | null {
  const parsed = parseWith(conditionSchema, condition)
  if (!parsed.ok) return null
  const resolved = resolveCondition(parsed.value, '', BY_FORM_ONLY, [])
  return resolved ? describeCondition(resolved) : null
}

function withCapital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const isSeriesCross = (op: string) => op === 'crosses_above' || op === 'crosses_below'

export function ConditionEditor(props: {
  path: string
  index: number
  count: number
  chain: boolean
  byPriority: boolean
  onMove(by: -1 | 1): void
  onRemove(): void
}) {
  const { path, index, count, chain, byPriority, onMove, onRemove } = props
  const { findings: all } = useDraft()
  const { value, set, findings } = useField<Record<string, unknown>>(path)
  const [open, setOpen] = useState(true)
  const [more, setMore] = useState(false)
  const item = asRecord(value)
  const condition = asRecord(item['condition'])
  const at = (key: string) => join(path, key)
  const inside = (key: string) => join(at('condition'), key)
  const op = String(condition['op'] ?? 'lt')
  const lhs = asRecord(condition['lhs'])
  const rhs = condition['rhs']
  const sentence = sentenceOf(condition)
  const enabled = item['enabled'] !== false
  const broken = all.some(one => one.path.startsWith(path))
  const setCondition = (change: Record<string, unknown>) => set({ ...item, condition: { ...condition, ...change } })
  const offsetFits = rhs !== null && takesOffset({ component: 'value', ...asRecord(rhs) } as unknown as Operand)
  const bodyId = `${fieldId(path)}-body`

  const pickOperator = (next: string) => {
    const wasRange = op === 'between' || op === 'not_between'
    const isRange = next === 'between' || next === 'not_between'
    if (next === 'rising' || next === 'falling') setCondition({ op: next, rhs: null, offsetPct: undefined })
    else if (isRange && !wasRange) setCondition({ op: next, rhs: { kind: 'range', low: '30', high: '50' }, offsetPct: undefined })
    else if (!isRange && (wasRange || rhs === null || rhs === undefined))
      setCondition({ op: next, rhs: { kind: 'const', value: '30' }, offsetPct: undefined })
    else setCondition({ op: next })
  }

  return (
    <li className={`condition${enabled ? '' : ' off'}`}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <UnstyledButton
          onClick={() => setOpen(!open)}
          aria-expanded={open}
          aria-controls={bodyId}
          style={{ flex: 1, minWidth: 0 }}
        >
          <Text size="sm" fw={550} c={broken ? 'var(--mantine-color-error)' : 'inherit'}>
            {index > 0 && chain && <span className="dim">{String(item['connector'] ?? 'and').toUpperCase()} </span>}
            {sentence ? withCapital(sentence) : 'This condition is not complete'}
          </Text>
        </UnstyledButton>
        <Switch
          size="xs"
          checked={enabled}
          aria-label={`Condition ${index + 1} takes part`}
          onChange={event => set({ ...item, enabled: event.currentTarget.checked })}
        />
        <ActionIcon aria-label={`Move condition ${index + 1} up`} disabled={index === 0} onClick={() => onMove(-1)}>
          <Icon name="up" size={16} />
        </ActionIcon>
        <ActionIcon aria-label={`Move condition ${index + 1} down`} disabled={index === count - 1} onClick={() => onMove(1)}>
          <Icon name="down" size={16} />
        </ActionIcon>
        <ActionIcon aria-label={`Remove condition ${index + 1}`} onClick={onRemove}>
          <Icon name="trash" size={16} />
        </ActionIcon>
      </Group>
      <FieldErrors findings={findings} />
      <Collapse expanded={open} id={bodyId}>
        <div className="blockBody">
          {index > 0 && chain && (
            <WayField
              path={at('connector')}
              label="Joins what stands before it with"
              fallback="and"
              choices={[
                { value: 'and', label: 'and' },
                { value: 'or', label: 'or' },
              ]}
            />
          )}
          <OperandEditor
            path={inside('lhs')}
            side="left"
            onKind={kind => {
              const fresh = kind === 'pattern' ? { kind, name: 'bullish_engulfing' } : freshLeft(kind)
              if (kind === 'pattern') setCondition({ lhs: fresh, op: 'is', rhs: null, offsetPct: undefined })
              else if (op === 'is') setCondition({ lhs: fresh, op: 'gt', rhs: { kind: 'const', value: '0' } })
            }}
          />
          <Row>
            {lhs['kind'] !== 'pattern' && (
              <ChoiceField path={inside('op')} label="Comparison" choices={OPERATOR_CHOICES} onPick={pickOperator} />
            )}
            <TimeframeField path={inside('timeframe')} label="On closed bars of" />
          </Row>
          {rhs !== null && rhs !== undefined && op !== 'is' && (
            <OperandEditor path={inside('rhs')} side="right" range={op === 'between' || op === 'not_between'} />
          )}
          {offsetFits && (
            <DecimalField
              path={inside('offsetPct')}
              label="Moved by"
              unit="%"
              fallback="0"
              help={isSeriesCross(op) ? 'Raises or lowers the line that is crossed' : '-2 means two percent below it'}
            />
          )}
          <FieldErrors findings={all.filter(one => one.path === at('condition'))} />
          <UnstyledButton className="moreLink" aria-expanded={more} onClick={() => setMore(!more)}>
            {more ? 'Fewer settings' : 'More settings'}
          </UnstyledButton>
          {more && (
            <>
              <OperandReading path={inside('lhs')} label="Left side" />
              <OperandReading path={inside('rhs')} label="Right side" />
              <Row>
                <CountField
                  path={at('holdBars')}
                  label="True for bars in a row"
                  fallback={0}
                  help="0 or 1: this bar alone is enough"
                />
                <SymbolField path={inside('symbol')} />
                {byPriority && (
                  <CountField path={at('priority')} label="Priority" min={1} optional placeholder="last" help="1 comes first" />
                )}
              </Row>
              <ValidFor path={at('validFor')} />
            </>
          )}
        </div>
      </Collapse>
    </li>
  )
}

function freshLeft(kind: string): Record<string, unknown> {
  if (kind === 'indicator') return { kind, name: 'rsi', params: { period: 14 } }
  if (kind === 'price') return { kind, field: 'close' }
  if (kind === 'volume_avg') return { kind, period: 20 }
  return { kind }
}

function SymbolField({ path }: { path: string }) {
  const { instruments, draft } = useDraft()
  const symbols = instruments.filter(one => one.exchange === draft['exchange']).map(one => one.symbol)
  return (
    <ChoiceField
      path={path}
      label="Looks at"
      optional
      placeholder="the bot's pair"
      choices={[...new Set(symbols)].map(one => ({ value: one, label: one }))}
    />
  )
}

function ValidFor({ path }: { path: string }) {
  const { value, set } = useField(path)
  const on = value !== null && value !== undefined
  return (
    <div>
      <Switch
        size="sm"
        label="Stays true for a while"
        description="Once true, it counts as true for this long, whatever comes after"
        checked={on}
        onChange={event => set(event.currentTarget.checked ? { n: 3, unit: 'bars' } : null)}
      />
      {on && (
        <Row>
          <CountField path={join(path, 'n')} label="For" />
          <ChoiceField
            path={join(path, 'unit')}
            label="Unit"
            fallback="bars"
            choices={[
              { value: 'bars', label: 'bars' },
              { value: 'minutes', label: 'minutes' },
            ]}
          />
        </Row>
      )}
    </div>
  )
}
