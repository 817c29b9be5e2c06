// Addresses and their pages. Pages are loaded when they are first opened, so the door and the list come fast.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { ApiError } from '../client/call.ts'
import { MissingPage } from '../pages/missing-page.tsx'
import { Failed } from '../ui/faces.tsx'
import { Shell } from './shell.tsx'

const root = createRootRoute({
  component: Shell,
  notFoundComponent: MissingPage,
  errorComponent: ({ error, reset }) => (
    <div className="page">
      <Failed
        error={
          error instanceof ApiError
            ? error
            : { message: `This page has failed: ${error instanceof Error ? error.message : String(error)}` }
        }
        retry={reset}
      />
    </div>
  ),
})

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('../pages/start-page.tsx'), 'StartPage'),
})
const bots = createRoute({
  getParentRoute: () => root,
  path: '/bots',
  component: lazyRouteComponent(() => import('../pages/bots-page.tsx'), 'BotsPage'),
})
const newBot = createRoute({
  getParentRoute: () => root,
  path: '/bots/new',
  validateSearch: (search: Record<string, unknown>): { from?: string } =>
    typeof search['from'] === 'string' ? { from: search['from'] } : {},
  component: lazyRouteComponent(() => import('../pages/builder-page.tsx'), 'NewBotPage'),
})
const bot = createRoute({
  getParentRoute: () => root,
  path: '/bots/$botId',
  validateSearch: (search: Record<string, unknown>): { tab?: string } =>
    typeof search['tab'] === 'string' ? { tab: search['tab'] } : {},
  component: lazyRouteComponent(() => import('../pages/bot-page.tsx'), 'BotPage'),
})
const editBot = createRoute({
  getParentRoute: () => root,
  path: '/bots/$botId/edit',
  component: lazyRouteComponent(() => import('../pages/builder-page.tsx'), 'EditBotPage'),
})
const deals = createRoute({
  getParentRoute: () => root,
  path: '/deals',
  component: lazyRouteComponent(() => import('../pages/deals-page.tsx'), 'DealsPage'),
})
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('../pages/settings-page.tsx'), 'SettingsPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([start, bots, newBot, bot, editBot, deals, settings]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
