// Account, sessions, tokens, and what server this is.

import { Stack } from '@mantine/core'
import { AboutPanel, AccountPanel, SessionsPanel, TokensPanel } from '../features/account/account.tsx'

export function SettingsPage() {
  return (
    <>
      <h1 style={{ marginTop: 0 }}>Settings</h1>
      <Stack gap="md">
        <AccountPanel />
        <SessionsPanel />
        <TokensPanel />
        <AboutPanel />
      </Stack>
    </>
  )
}
