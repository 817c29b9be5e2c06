// Accounts for other people, made by the owner. Nobody sees the bots and books of another.

import { Button, Group, PasswordInput, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { call } from '../../client/call.ts'
import { useRead } from '../../client/queries.ts'
import { Failed } from '../../ui/faces.tsx'
import { LEAST_PASSWORD, lacking, saidOf } from './password.tsx'

/** Only for those who may make accounts; nothing for everybody else. */
export function PeoplePanel() {
  const me = useRead('getMe', {}, { still: true })
  const role = me.data?.role
  if (role !== 'owner' && role !== 'admin') return null
  return (
    <section className="panel">
      <div className="panelHead">
        <h2>Other people</h2>
      </div>
      <PersonForm />
    </section>
  )
}

function PersonForm() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const create = useMutation({
    mutationFn: () => call('createUser', { body: { email: email.trim(), password } }),
    onSuccess: user => {
      setEmail('')
      setPassword('')
      notifications.show({ message: `${user.email} may sign in now`, color: 'gain' })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create.mutate()
  }
  const error = create.error
  const placed = saidOf(error, 'email') ?? saidOf(error, 'password')
  return (
    <form onSubmit={submit} className="panelBody">
      <Group align="flex-start" wrap="wrap">
        <TextInput
          label="E-mail of the person"
          type="email"
          autoComplete="off"
          w={260}
          value={email}
          error={saidOf(error, 'email')}
          onChange={event => setEmail(event.currentTarget.value)}
        />
        <PasswordInput
          label="First password"
          autoComplete="new-password"
          w={220}
          value={password}
          error={lacking(password) ?? saidOf(error, 'password')}
          onChange={event => setPassword(event.currentTarget.value)}
        />
        <Button
          type="submit"
          variant="default"
          mt={24}
          loading={create.isPending}
          disabled={email.trim() === '' || password.length < LEAST_PASSWORD}
        >
          Add the person
        </Button>
      </Group>
      <Text size="sm" c="dimmed" mt="sm">
        The person has bots and books of their own; neither of you sees the other's. No mail is sent: hand over the password
        yourself, it can be changed here under Settings.
      </Text>
      {error && !placed && <Failed error={error} what="Not added" />}
    </form>
  )
}
