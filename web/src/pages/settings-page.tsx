// Account, password, sessions, tokens, other people, and what server this is.

import { Stack } from '@mantine/core'
import { AboutPanel, AccountPanel, SessionsPanel, TokensPanel } from '../features/account/account.tsx'
import { PasswordPanel } from '../features/account/password.tsx'
import { PeoplePanel } from '../features/account/people.tsx'
import { SafetyPanel } from '../features/safety/panel.tsx'

export function SettingsPage() {
  return (
    <>
      <h1 style={{ marginTop: 0 }}>Settings</h1>
      <Stack gap="md">
        <SafetyPanel />
        <AccountPanel />
        <PasswordPanel />
        <SessionsPanel />
        <TokensPanel />
        <PeoplePanel />
        <AboutPanel />
      </Stack>
    </>
  )
}
