// Fields of the builder: each is bound to one place of the draft and shows what is wrong there, with the remedy.

import { Group, NumberInput, SegmentedControl, Select, Switch, Text, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { TIMEFRAMES } from '../../../../src/core/market/timeframe.ts'
import { asRecord, FRESH_BLOCKS, isOn } from './draft.ts'
import { useField } from './draft-context.tsx'

export function fieldId(path: string): string {
  return `f-${path.replace(/[^A-Za-z0-9]+/g, '-')}`
}

interface FieldProps {
  readonly path: string
  readonly label: string
  readonly help?: string
  /** Shown inside the field at its end, such as % or USDT. */
  readonly unit?: string
  /** An empty field means null: off. */
  readonly optional?: boolean
  readonly placeholder?: string
  /** What stands there when the draft says nothing: the default of the contract. */
  readonly fallback?: string | number | boolean
}

function errorText(findings: readonly { message: string }[]): string | undefined {
  return findings.length > 0 ? findings.map(one => one.message).join('; ') : undefined
}

/** An exact decimal: what is typed is what is sent, a comma is read as a point. */
export function DecimalField(props: FieldProps & { write?: (text: string) => void }) {
  const { path, label, help, unit, optional, placeholder, fallback, write } = props
  const { value, set, findings } = useField(path)
  const text = value === null ? '' : String(value ?? fallback ?? '')
  return (
    <TextInput
      id={fieldId(path)}
      label={label}
      description={help}
      placeholder={placeholder}
      inputMode="decimal"
      autoComplete="off"
      value={text}
      error={errorText(findings)}
      rightSection={unit ? <Unit text={unit} /> : undefined}
      rightSectionWidth={unit ? 14 + unit.length * 8 : undefined}
      rightSectionPointerEvents="none"
      onChange={event => {
        const typed = event.currentTarget.value.trim().replace(',', '.')
        if (write) write(typed)
        else set(typed === '' && optional ? null : typed)
      }}
    />
  )
}

/** A count: bars, seconds, orders. */
export function CountField({ path, label, help, unit, optional, placeholder, fallback, min = 0 }: FieldProps & { min?: number }) {
  const { value, set, findings } = useField(path)
  const shown = value === null ? '' : ((value ?? fallback ?? '') as number | string)
  return (
    <NumberInput
      id={fieldId(path)}
      label={label}
      description={help}
      placeholder={placeholder}
      allowDecimal={false}
      allowNegative={false}
      min={min}
      clampBehavior="none"
      hideControls
      value={shown}
      error={errorText(findings)}
      rightSection={unit ? <Unit text={unit} /> : undefined}
      rightSectionWidth={unit ? 14 + unit.length * 8 : undefined}
      rightSectionPointerEvents="none"
      onChange={next => set(next === '' ? (optional ? null : '') : next)}
    />
  )
}

function Unit({ text }: { text: string }) {
  return (
    <Text size="xs" c="dimmed" pr={8}>
      {text}
    </Text>
  )
}

export function TextField({ path, label, help, placeholder }: FieldProps) {
  const { value, set, findings } = useField(path)
  return (
    <TextInput
      id={fieldId(path)}
      label={label}
      description={help}
      placeholder={placeholder}
      value={String(value ?? '')}
      error={errorText(findings)}
      onChange={event => set(event.currentTarget.value)}
    />
  )
}

export interface Choice {
  readonly value: string
  readonly label: string
}

interface ChoiceProps extends FieldProps {
  readonly choices: readonly Choice[]
  /** Instead of writing the value alone. */
  readonly onPick?: (value: string) => void
  /** Where an empty choice is another thing than null. */
  readonly onClear?: () => void
}

export function ChoiceField(props: ChoiceProps) {
  const { path, label, help, choices, fallback, optional, placeholder, onPick, onClear } = props
  const { value, set, findings } = useField(path)
  return (
    <Select
      id={fieldId(path)}
      label={label}
      description={help}
      placeholder={placeholder}
      data={choices.map(one => ({ ...one }))}
      value={value === null || (value === undefined && fallback === undefined) ? null : String(value ?? fallback)}
      error={errorText(findings)}
      allowDeselect={false}
      clearable={optional ?? false}
      searchable={choices.length > 10}
      comboboxProps={{ withinPortal: true }}
      onChange={next => {
        if (next === null && onClear) onClear()
        else if (onPick && next !== null) onPick(next)
        else set(next)
      }}
    />
  )
}

/** Two or three ways of which one holds; a select on narrow lists would hide them. */
export function WayField(props: FieldProps & { choices: readonly Choice[]; onPick?: (value: string) => void }) {
  const { path, label, help, choices, fallback, onPick } = props
  const { value, set, findings } = useField(path)
  const id = fieldId(path)
  return (
    <div>
      <Text size="sm" fw={600} id={`${id}-label`}>
        {label}
      </Text>
      {help && (
        <Text size="xs" c="dimmed">
          {help}
        </Text>
      )}
      <SegmentedControl
        id={id}
        mt={4}
        fullWidth
        aria-labelledby={`${id}-label`}
        data={choices.map(one => ({ ...one }))}
        value={String(value ?? fallback ?? choices[0]?.value ?? '')}
        onChange={next => (onPick ? onPick(next) : set(next))}
      />
      <FieldErrors findings={findings} />
    </div>
  )
}

export function SwitchField({ path, label, help, fallback }: FieldProps) {
  const { value, set, findings } = useField(path)
  return (
    <Switch
      id={fieldId(path)}
      label={label}
      description={help}
      error={errorText(findings)}
      checked={Boolean(value ?? fallback ?? false)}
      onChange={event => set(event.currentTarget.checked)}
    />
  )
}

export function TimeframeField({ path, label, help, fallback, optional, placeholder }: FieldProps) {
  return (
    <ChoiceField
      path={path}
      label={label}
      {...(help ? { help } : {})}
      {...(fallback !== undefined ? { fallback } : {})}
      {...(optional ? { optional } : {})}
      {...(placeholder ? { placeholder } : {})}
      choices={TIMEFRAMES.map(one => ({ value: one, label: one }))}
    />
  )
}

export function FieldErrors({ findings }: { findings: readonly { path: string; message: string }[] }) {
  if (findings.length === 0) return null
  return (
    <Text size="xs" c="var(--mantine-color-error)" mt={4} role="alert">
      {findings.map(one => one.message).join('; ')}
    </Text>
  )
}

/** A block that can be switched on and off; its fields appear when it is on. */
export function Block({ path, title, help, children }: { path: string; title: string; help: string; children: ReactNode }) {
  const { value, set, findings } = useField(path)
  const on = isOn(value)
  return (
    <section className="block" aria-label={title}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="md">
        <Switch
          id={fieldId(path)}
          label={title}
          description={help}
          checked={on}
          styles={{ label: { fontWeight: 600 } }}
          onChange={event => {
            const known = asRecord(value)
            const fresh = Object.keys(known).filter(key => key !== 'enabled').length === 0 ? (FRESH_BLOCKS[path] ?? {}) : known
            set({ ...fresh, enabled: event.currentTarget.checked })
          }}
        />
      </Group>
      <FieldErrors findings={findings} />
      {on && <div className="blockBody">{children}</div>}
    </section>
  )
}

/** Fields side by side where there is room. */
export function Row({ children }: { children: ReactNode }) {
  return <div className="fieldRow">{children}</div>
}
