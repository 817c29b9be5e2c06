// The config as JSON, to read, copy and change by hand. What is typed takes effect once it is JSON.

import { Button, Group, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { asRecord } from './draft.ts'
import { useDraft } from './draft-context.tsx'

export function JsonPanel() {
  const { draft, replace } = useDraft()
  const [text, setText] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const shown = text ?? JSON.stringify(draft, null, 2)
  const apply = (next: string) => {
    setText(next)
    try {
      const parsed: unknown = JSON.parse(next)
      if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) setProblem('A config is a JSON object.')
      else {
        setProblem(null)
        replace(asRecord(parsed))
      }
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'not JSON')
    }
  }
  return (
    <>
      <Textarea
        aria-label="Config as JSON"
        autosize
        minRows={14}
        maxRows={30}
        spellCheck={false}
        value={shown}
        error={problem}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12.5 } }}
        onChange={event => apply(event.currentTarget.value)}
        onBlur={() => problem === null && setText(null)}
      />
      <Group mt={8} justify="space-between">
        <Text size="xs" c="dimmed">
          The command line reads the same file.
        </Text>
        <Button size="xs" variant="default" onClick={() => void navigator.clipboard?.writeText(shown)}>
          Copy
        </Button>
      </Group>
    </>
  )
}
