// The owner's account: name, sessions of browsers, tokens of programs.

import { Button, Checkbox, CopyButton, Group, Modal, NumberInput, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { User } from '../../../../src/contract/auth.ts'
import { SCOPES, type Scope } from '../../../../src/contract/http.ts'
import { call } from '../../client/call.ts'
import { refresh, useRead } from '../../client/queries.ts'
import { Empty, Faces, Failed } from '../../ui/faces.tsx'
import { Time } from '../../ui/figure.tsx'
import { Scroll } from '../../ui/scroll.tsx'

export function AccountPanel() {
  const me = useRead('getMe', {}, { still: true })
  return (
    <section className="panel">
      <div className="panelHead">
        <h2>Account</h2>
      </div>
      <Faces query={me} what="The account">
        {user => <AccountForm key={user.id} user={user} />}
      </Faces>
    </section>
  )
}

function AccountForm({ user }: { user: User }) {
  const [name, setName] = useState(user.fullName ?? '')
  const save = useMutation({
    mutationFn: () => call('changeMe', { body: { fullName: name.trim() === '' ? null : name.trim() } }),
    onSuccess: async () => {
      notifications.show({ message: 'Saved', color: 'gain' })
      await refresh('getMe')
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <form onSubmit={submit} className="panelBody">
      <Group align="flex-end" wrap="wrap">
        <TextInput label="E-mail" value={user.email} readOnly w={260} />
        <TextInput label="Name" value={name} maxLength={120} w={220} onChange={event => setName(event.currentTarget.value)} />
        <Button type="submit" variant="default" loading={save.isPending} disabled={name === (user.fullName ?? '')}>
          Save
        </Button>
      </Group>
      <Text size="sm" c="dimmed" mt="sm">
        Role: {user.role}. Member since <Time iso={user.createdAt} />.
      </Text>
      {save.error && <Failed error={save.error} what="Not saved" />}
    </form>
  )
}

export function SessionsPanel() {
  const sessions = useRead('listSessions', { query: { limit: 50 } }, { still: true })
  const end = useMutation({
    mutationFn: (id: string) => call('revokeSession', { params: { id } }),
    onSuccess: () => refresh('listSessions'),
  })
  const endOthers = useMutation({ mutationFn: () => call('revokeOtherSessions', {}), onSuccess: () => refresh('listSessions') })
  return (
    <section className="panel">
      <div className="panelHead">
        <h2>Sessions</h2>
        <span style={{ flex: 1 }} />
        <Button size="xs" variant="default" loading={endOthers.isPending} onClick={() => endOthers.mutate()}>
          Sign out everywhere else
        </Button>
      </div>
      {(end.error ?? endOthers.error) && <Failed error={(end.error ?? endOthers.error) as Error} />}
      <Faces query={sessions} what="The sessions">
        {({ items }) => (
          <Scroll label="Sessions">
            <table className="plain">
              <thead>
                <tr>
                  <th>Browser</th>
                  <th>Address</th>
                  <th>Since</th>
                  <th>Ends</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {items.map(one => (
                  <tr key={one.id}>
                    <td className="say">
                      {browserOf(one.userAgent)} {one.current && <span className="chip petrol">this one</span>}
                    </td>
                    <td>{one.ip ?? '–'}</td>
                    <td>
                      <Time iso={one.createdAt} />
                    </td>
                    <td>
                      <Time iso={one.expiresAt} />
                    </td>
                    <td className="r">
                      {!one.current && (
                        <Button size="compact-xs" variant="default" onClick={() => end.mutate(one.id)}>
                          End
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Faces>
    </section>
  )
}

/** A browser's own name out of the long line it sends. */
function browserOf(agent: string | null): string {
  if (agent === null) return 'unknown'
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\/(\d+)/.exec(agent)
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent)?.[1]
  const name = { Edg: 'Edge', OPR: 'Opera' }[browser?.[1] ?? ''] ?? browser?.[1]
  return name ? `${name} ${browser?.[2]}${system ? ` on ${system}` : ''}` : agent.slice(0, 60)
}

export function TokensPanel() {
  const tokens = useRead('listTokens', { query: { limit: 100 } }, { still: true })
  const [making, setMaking] = useState(false)
  const revoke = useMutation({
    mutationFn: (id: string) => call('revokeToken', { params: { id } }),
    onSuccess: () => refresh('listTokens'),
  })
  return (
    <section className="panel">
      <div className="panelHead">
        <h2>API tokens</h2>
        <span style={{ flex: 1 }} />
        <Button size="xs" variant="default" onClick={() => setMaking(true)}>
          New token
        </Button>
      </div>
      {revoke.error && <Failed error={revoke.error} />}
      <Faces query={tokens} what="The tokens">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No tokens">A token lets a program use the API in your name, with the rights you choose.</Empty>
          ) : (
            <Scroll label="API tokens">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Begins with</th>
                    <th>May</th>
                    <th>Last used</th>
                    <th>Ends</th>
                    <th />
                  </tr>
                </thead>
                <tbody>
                  {items.map(one => (
                    <tr key={one.id}>
                      <td>{one.name}</td>
                      <td>
                        <code>{one.prefix}</code>
                      </td>
                      <td className="say small">{one.scopes.join(', ')}</td>
                      <td>{one.lastUsedAt ? <Time iso={one.lastUsedAt} /> : 'never'}</td>
                      <td>{one.revokedAt ? <span className="loss">revoked</span> : <Time iso={one.expiresAt} />}</td>
                      <td className="r">
                        {!one.revokedAt && (
                          <Button size="compact-xs" variant="default" onClick={() => revoke.mutate(one.id)}>
                            Revoke
                          </Button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Faces>
      <Modal opened={making} onClose={() => setMaking(false)} title="New API token" closeButtonProps={{ 'aria-label': 'Close' }}>
        {making && <TokenForm onDone={() => setMaking(false)} />}
      </Modal>
    </section>
  )
}

const OFFERED: readonly Scope[] = SCOPES.filter(scope => scope !== 'run:live')

function TokenForm({ onDone }: { onDone(): void }) {
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<string[]>(['bots:read', 'trades:read', 'market:read'])
  const [days, setDays] = useState<number | string>(90)
  const create = useMutation({
    mutationFn: () => call('createToken', { body: { name, scopes: scopes as Scope[], expiresInDays: Number(days) } }),
    onSuccess: () => refresh('listTokens'),
  })
  if (create.data)
    return (
      <Stack>
        <Text size="sm">Copy it now. It is shown this once and stored only as a hash.</Text>
        <TextInput
          readOnly
          value={create.data.token}
          aria-label="The token"
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        />
        <Group justify="flex-end">
          <CopyButton value={create.data.token}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onDone}>Done</Button>
        </Group>
      </Stack>
    )
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        create.mutate()
      }}
    >
      <Stack>
        <TextInput
          label="Name"
          required
          maxLength={80}
          value={name}
          data-autofocus
          onChange={event => setName(event.currentTarget.value)}
        />
        <Checkbox.Group label="It may" value={scopes} onChange={setScopes}>
          <Group gap="sm" mt={6}>
            {OFFERED.map(scope => (
              <Checkbox key={scope} value={scope} label={scope} />
            ))}
          </Group>
        </Checkbox.Group>
        <NumberInput label="Days until it ends" min={1} max={365} value={days} onChange={setDays} />
        {create.error && <Failed error={create.error} what="Not made" />}
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending} disabled={scopes.length === 0 || name.trim() === ''}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

export function AboutPanel() {
  const health = useRead('health', {}, { everyMs: 30_000 })
  const ready = useRead('ready', {}, { everyMs: 30_000 })
  return (
    <section className="panel">
      <div className="panelHead">
        <h2>About this server</h2>
      </div>
      <div className="panelBody">
        <Faces query={health} what="The server">
          {row => (
            <p style={{ marginTop: 0 }}>
              Evenkeel {row.version}, up for {Math.floor(row.uptimeSec / 3600)} h {Math.floor((row.uptimeSec % 3600) / 60)} min.
              The API is described at <a href="/api/openapi.json">/api/openapi.json</a>.
            </p>
          )}
        </Faces>
        <Faces query={ready} what="Ready to work">
          {row => (
            <Scroll label="Checks">
              <table className="plain">
                <tbody>
                  {Object.entries(row.checks).map(([name, check]) => (
                    <tr key={name}>
                      <td>{name}</td>
                      <td className={check.ok ? 'gain' : 'loss'}>{check.ok ? '✓ in order' : '✗ not in order'}</td>
                      <td className="say dim">{check.message}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )}
        </Faces>
      </div>
    </section>
  )
}
