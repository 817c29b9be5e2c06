// Change of one's own password: every other session ends with it.

import { Button, Group, PasswordInput, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { ApiError, call } from '../../client/call.ts'
import { refresh } from '../../client/queries.ts'
import { Failed } from '../../ui/faces.tsx'

export const LEAST_PASSWORD = 12

/** What the server says of one field; undefined when it says nothing of it. */
export function saidOf(error: Error | null, field: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined
  const said = error.details.filter(one => one.path === field).map(one => one.message)
  return said.length > 0 ? said.join('; ') : undefined
}

/** How many characters a password still lacks, in words. */
export function lacking(password: string): string | undefined {
  const missing = LEAST_PASSWORD - password.length
  return password.length > 0 && missing > 0 ? `${missing} more ${missing === 1 ? 'character' : 'characters'}` : undefined
}

export function PasswordPanel() {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const change = useMutation({
    mutationFn: () => call('changePassword', { body: { currentPassword: current, newPassword: next } }),
    onSuccess: async () => {
      setCurrent('')
      setNext('')
      setAgain('')
      notifications.show({ message: 'The password is changed; every other session has ended', color: 'gain' })
      await refresh('listSessions')
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate()
  }
  const differs = again !== '' && again !== next
  const error = change.error
  const placed = saidOf(error, 'currentPassword') ?? saidOf(error, 'newPassword')
  return (
    <section className="panel">
      <div className="panelHead">
        <h2>Password</h2>
      </div>
      <form onSubmit={submit} className="panelBody">
        <Group align="flex-start" wrap="wrap">
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            w={220}
            value={current}
            error={saidOf(error, 'currentPassword')}
            onChange={event => setCurrent(event.currentTarget.value)}
          />
          <PasswordInput
            label="New password"
            autoComplete="new-password"
            w={220}
            value={next}
            error={lacking(next) ?? saidOf(error, 'newPassword')}
            onChange={event => setNext(event.currentTarget.value)}
          />
          <PasswordInput
            label="New password again"
            autoComplete="new-password"
            w={220}
            value={again}
            error={differs ? 'not the same' : undefined}
            onChange={event => setAgain(event.currentTarget.value)}
          />
          <Button
            type="submit"
            variant="default"
            mt={24}
            loading={change.isPending}
            disabled={current === '' || next.length < LEAST_PASSWORD || next !== again}
          >
            Change the password
          </Button>
        </Group>
        <Text size="sm" c="dimmed" mt="sm">
          At least {LEAST_PASSWORD} characters. Every other session ends; API tokens stay.
        </Text>
        {error && !placed && <Failed error={error} what="Not changed" />}
      </form>
    </section>
  )
}
