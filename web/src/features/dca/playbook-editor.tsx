// A playbook: several conditions and the gate that joins them into one yes or no.

import { Button, Group, Menu, Switch, Text } from '@mantine/core'
import { BY_FORM_ONLY, playbookSchema, resolvePlaybook } from '../../../../src/contract/condition-schema.ts'
import { parseWith } from '../../../../src/contract/finding.ts'
import { describePlaybook } from '../../../../src/core/conditions/sentence.ts'
import { Icon } from '../../ui/icon.tsx'
import { ConditionEditor } from './condition-editor.tsx'
import { asRecord } from './draft.ts'
import { useDraft, useField } from './draft-context.tsx'
import { ChoiceField, CountField, FieldErrors, fieldId, Row } from './fields.tsx'
import { QUICK_CONDITIONS } from './indicator-words.ts'
import { join } from './path.ts'

export function playbookSentence(playbook: unknown): string | null {
  const parsed = parseWith(playbookSchema, playbook)
  if (!parsed.ok) return null
  const resolved = resolvePlaybook(parsed.value, '', BY_FORM_ONLY, [])
  return resolved ? describePlaybook(resolved) : null
}

export function PlaybookEditor({ path, title, what }: { path: string; title: string; what: string }) {
  const { draft } = useDraft()
  const { value, set, findings } = useField<Record<string, unknown>>(path)
  const { findings: itemFindings } = useField(join(path, 'items'))
  const playbook = asRecord(value)
  const items = Array.isArray(playbook['items']) ? (playbook['items'] as Record<string, unknown>[]) : []
  const gate = String(playbook['gate'] ?? 'all')
  const at = (key: string) => join(path, key)
  const sequence = playbook['sequence'] !== null && playbook['sequence'] !== undefined
  const byPriority = (playbook['order'] ?? 'priority') === 'priority'
  const sentence = items.length > 0 ? playbookSentence(value) : null

  const add = (condition: Readonly<Record<string, unknown>>) => {
    const taken = new Set(items.map(item => item['id']))
    let number = items.length + 1
    while (taken.has(`c${number}`)) number++
    const timeframe = condition['timeframe'] ?? draft['timeframe'] ?? '1h'
    set({ gate: 'all', ...playbook, items: [...items, { id: `c${number}`, condition: { timeframe, ...condition } }] })
  }
  const move = (index: number, by: -1 | 1) => {
    const next = [...items]
    const [moved] = next.splice(index, 1)
    if (moved) next.splice(index + by, 0, moved)
    set({ ...playbook, items: next })
  }
  const remove = (index: number) => {
    const rest = items.filter((_, i) => i !== index)
    set(rest.length === 0 ? null : { ...playbook, items: rest })
  }

  return (
    <div id={fieldId(path)} tabIndex={-1}>
      <Group justify="space-between" gap="xs" mb={6}>
        <Text size="sm" fw={600}>
          {title}
        </Text>
        <Menu position="bottom-end" width={280} withinPortal>
          <Menu.Target>
            <Button size="xs" variant="light" leftSection={<Icon name="plus" size={15} />}>
              Add a condition
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>Begin with</Menu.Label>
            {QUICK_CONDITIONS.map(one => (
              <Menu.Item key={one.id} onClick={() => add(one.condition)}>
                {one.label}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </Group>
      <FieldErrors findings={[...findings, ...itemFindings]} />
      {items.length === 0 ? (
        <p className="hollow">No condition yet. Add one, and {what}.</p>
      ) : (
        <>
          {items.length > 1 && (
            <Row>
              <ChoiceField
                path={at('gate')}
                label="Met when"
                fallback="all"
                choices={[
                  { value: 'all', label: 'all are true' },
                  { value: 'any', label: 'any is true' },
                  { value: 'atLeast', label: 'at least a number are true' },
                  { value: 'chain', label: 'chained with and / or' },
                ]}
                onPick={next =>
                  set({
                    ...playbook,
                    gate: next,
                    n: next === 'atLeast' ? Math.max(1, Math.min(2, items.length)) : null,
                    ...(next === 'all' ? {} : { sequence: null }),
                  })
                }
              />
              {gate === 'atLeast' && <CountField path={at('n')} label="How many" min={1} />}
              <ChoiceField
                path={at('order')}
                label="Order"
                fallback="priority"
                choices={[
                  { value: 'priority', label: 'by priority' },
                  { value: 'listed', label: 'as listed' },
                ]}
              />
            </Row>
          )}
          <ol className="conditions">
            {items.map((item, index) => (
              <ConditionEditor
                key={String(item['id'] ?? index)}
                path={join(at('items'), index)}
                index={index}
                count={items.length}
                chain={gate === 'chain'}
                byPriority={byPriority}
                onMove={by => move(index, by)}
                onRemove={() => remove(index)}
              />
            ))}
          </ol>
          <Row>
            <ChoiceField
              path={at('fireMode')}
              label="Fires"
              fallback="per_signal"
              choices={[
                { value: 'per_signal', label: 'once, until it was false again' },
                { value: 'per_bar', label: 'on every bar on which it is true' },
              ]}
            />
            {items.length > 1 && gate === 'all' && (
              <div>
                <Switch
                  mt={4}
                  label="One after the other"
                  description="In their order, within a window of bars"
                  checked={sequence}
                  onChange={event => set({ ...playbook, sequence: event.currentTarget.checked ? { windowBars: 10 } : null })}
                />
                {sequence && <CountField path={join(at('sequence'), 'windowBars')} label="Window" unit="bars" />}
              </div>
            )}
          </Row>
          {sentence && items.length > 1 && <p className="inWords">{sentence}</p>}
        </>
      )}
    </div>
  )
}
