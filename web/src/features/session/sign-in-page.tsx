// The door: on the first visit it makes the owner's account, afterwards it lets in.

import { Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { ApiError } from '../../client/call.ts'
import { Failed } from '../../ui/faces.tsx'
import { Mark } from '../../ui/icon.tsx'
import { useLogin, useSignUp } from './session.ts'

const LEAST_PASSWORD = 12

export function SignInPage({ first, needsCode, ended }: { first: boolean; needsCode: boolean; ended: boolean }) {
  const signUp = useSignUp()
  const login = useLogin()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const action = first ? signUp : login
  const tooShort = first && password.length > 0 && password.length < LEAST_PASSWORD
  const error = action.error

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (first) signUp.mutate({ email: email.trim(), password, ...(needsCode ? { code: code.trim() } : {}) })
    else login.mutate({ email: email.trim(), password })
  }
  const at = (field: string) =>
    error instanceof ApiError
      ? error.details
          .filter(one => one.path === field)
          .map(one => one.message)
          .join('; ') || undefined
      : undefined

  return (
    <main className="door">
      <div className="doorCard">
        <div className="brand" style={{ marginBottom: 20 }}>
          <Mark size={34} /> <span style={{ fontSize: '1.25rem' }}>Evenkeel</span>
        </div>
        <h1>{first ? 'Make this your Evenkeel' : 'Sign in'}</h1>
        <p className="dim">
          {first
            ? 'One account owns this server. It stays on this machine; no mail is sent.'
            : ended
              ? 'Your session has ended. Your bots kept running.'
              : 'Your bots keep running while you are away.'}
        </p>
        <form onSubmit={submit}>
          <Stack gap="md" mt="lg">
            <TextInput
              label="E-mail"
              type="email"
              name="email"
              autoComplete="username"
              required
              autoFocus
              value={email}
              error={at('email')}
              onChange={event => setEmail(event.currentTarget.value)}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete={first ? 'new-password' : 'current-password'}
              required
              value={password}
              description={first ? `At least ${LEAST_PASSWORD} characters` : undefined}
              error={at('password') ?? (tooShort ? `${LEAST_PASSWORD - password.length} more characters` : undefined)}
              onChange={event => setPassword(event.currentTarget.value)}
            />
            {first && needsCode && (
              <TextInput
                label="Code"
                description="Printed where the server was started"
                required
                value={code}
                error={at('code')}
                onChange={event => setCode(event.currentTarget.value)}
              />
            )}
            {error && <Failed error={error} />}
            <Button type="submit" size="md" loading={action.isPending} disabled={tooShort}>
              {first ? 'Create the account' : 'Sign in'}
            </Button>
          </Stack>
        </form>
      </div>
    </main>
  )
}
