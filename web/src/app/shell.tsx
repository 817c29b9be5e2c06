// The frame of every page: the door for who is not signed in, the bar on top, tabs at the foot of a phone, palette and shortcuts.

import { ActionIcon, Button, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { Link, Outlet, useNavigate, useRouter } from '@tanstack/react-router'
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { User } from '../../../src/contract/auth.ts'
import { onSignedOut } from '../client/call.ts'
import { queryClient } from '../client/queries.ts'
import { isStreaming, openStream, subscribeStreaming } from '../client/stream.ts'
import { KillSwitchButton, SafetyBanner } from '../features/safety/banner.tsx'
import { leave, useLogout, useSession } from '../features/session/session.ts'
import { SignInPage } from '../features/session/sign-in-page.tsx'
import { Failed } from '../ui/faces.tsx'
import { Icon, type IconName, Mark } from '../ui/icon.tsx'
import { Palette } from './palette.tsx'
import { ShortcutsHelp, useShortcuts } from './shortcuts.tsx'

const PLACES: readonly { to: '/' | '/bots' | '/deals' | '/settings'; label: string; icon: IconName }[] = [
  { to: '/', label: 'Start', icon: 'home' },
  { to: '/bots', label: 'Bots', icon: 'bots' },
  { to: '/deals', label: 'Deals', icon: 'deals' },
  { to: '/settings', label: 'Settings', icon: 'gear' },
]

export function Shell() {
  const session = useSession()
  const [ended, setEnded] = useState(false)
  const user = session.data?.user ?? null
  useEffect(
    () =>
      onSignedOut(() => {
        // Only who was in can be out: a wrong password is no ended session.
        if (queryClient.getQueryData<{ user: unknown }>(['authState', null, null])?.user) {
          setEnded(true)
          leave()
        }
      }),
    [],
  )
  if (session.isPending) return <Splash />
  if (session.data === undefined)
    return (
      <main className="door">
        <div className="doorCard">
          <Failed
            error={session.error ?? { message: 'unknown' }}
            retry={() => void session.refetch()}
            what="Evenkeel cannot be reached"
          />
        </div>
      </main>
    )
  if (!user) return <SignInPage first={!session.data.ownerExists} needsCode={session.data.signUpNeedsCode} ended={ended} />
  return <SignedIn user={user} onLeave={() => setEnded(false)} />
}

function Splash() {
  return (
    <main className="door" aria-busy="true">
      <Mark size={48} />
    </main>
  )
}

function SignedIn({ user, onLeave }: { user: User; onLeave(): void }) {
  const [palette, setPalette] = useState(false)
  const [help, setHelp] = useState(false)
  useEffect(() => openStream(queryClient), [])
  const router = useRouter()
  useEffect(() => {
    // Every page is fetched while nothing else is to do, so that it still opens when the server is away.
    const timer = setTimeout(() => {
      for (const route of Object.values(router.routesById)) void router.loadRouteChunk(route)
    }, 2500)
    return () => clearTimeout(timer)
  }, [router])
  useShortcuts({ openPalette: () => setPalette(true), openHelp: () => setHelp(true), busy: palette || help })
  return (
    <>
      <a className="skip" href="#content">
        To the content
      </a>
      <header className="top">
        <div className="topInner">
          <Link to="/bots" className="brand" aria-label="Evenkeel, to the bots">
            <Mark /> Evenkeel
          </Link>
          <nav className="nav" aria-label="Pages">
            {PLACES.map(place => (
              <Link key={place.to} to={place.to} activeOptions={{ exact: place.to === '/' }}>
                {place.label}
              </Link>
            ))}
          </nav>
          <span style={{ flex: 1 }} />
          <Connection />
          <KillSwitchButton role={user.role} />
          <Tooltip label="Find and do (Ctrl K)">
            <ActionIcon size="lg" aria-label="Find and do" onClick={() => setPalette(true)}>
              <Icon name="search" />
            </ActionIcon>
          </Tooltip>
          <SchemeButton />
          <AccountMenu user={user} onLeave={onLeave} />
          <Button component={Link} to="/bots/new" size="sm" className="wide" leftSection={<Icon name="plus" size={16} />}>
            New bot
          </Button>
        </div>
      </header>
      <main id="content" className="page" tabIndex={-1}>
        <SafetyBanner />
        <Outlet />
      </main>
      <nav className="foot" aria-label="Pages at the foot">
        {PLACES.map(place => (
          <Link key={place.to} to={place.to} activeOptions={{ exact: place.to === '/' }}>
            <Icon name={place.icon} size={20} />
            {place.label}
          </Link>
        ))}
      </nav>
      <Palette opened={palette} onClose={() => setPalette(false)} onHelp={() => setHelp(true)} />
      <ShortcutsHelp opened={help} onClose={() => setHelp(false)} />
    </>
  )
}

/** Says when the pages are polled instead of being told. */
function Connection() {
  const streaming = useSyncExternalStore(subscribeStreaming, isStreaming, () => false)
  // The first moments of a page are no interruption.
  const [settled, setSettled] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), 4000)
    return () => clearTimeout(timer)
  }, [])
  if (streaming || !settled) return null
  return (
    <Tooltip label="The live stream is interrupted; figures are read every 5 seconds">
      <span className="chip brass" role="status">
        every 5 s
      </span>
    </Tooltip>
  )
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const other = scheme === 'dark' ? 'light' : 'dark'
  return (
    <Tooltip label={`To the ${other} theme`}>
      <ActionIcon size="lg" aria-label={`To the ${other} theme`} onClick={() => setColorScheme(other)}>
        <Icon name={scheme === 'dark' ? 'sun' : 'moon'} />
      </ActionIcon>
    </Tooltip>
  )
}

function AccountMenu({ user, onLeave }: { user: User; onLeave(): void }) {
  const logout = useLogout()
  const navigate = useNavigate()
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon size="lg" aria-label="Account">
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.email}</Menu.Label>
        <Menu.Item onClick={() => void navigate({ to: '/settings' })}>Settings</Menu.Item>
        <Menu.Item
          onClick={() => {
            onLeave()
            logout.mutate()
          }}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
