// The document and the server say the same: every route of one is in the other, and the copy in the tree is up to date.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Fastify from 'fastify'
import { buildOpenApi } from '../contract/openapi.ts'
import { ROUTES, type RouteName } from '../contract/routes.ts'
import { HANDLERS } from './handlers.ts'
import { type Registration, registerRoutes } from './route-registration.ts'

const root = join(import.meta.dirname, '../..')

/** `GET /api/bots/{id}`, of everything the router knows. */
async function registered(): Promise<string[]> {
  const app = Fastify()
  const found: string[] = []
  app.addHook('onRoute', route => {
    for (const method of [route.method].flat()) {
      if (method !== 'HEAD') found.push(`${method} ${route.url.replace(/:(\w+)/g, '{$1}')}`)
    }
  })
  const registration: Partial<Registration> = { handlers: HANDLERS, gates: {}, ownBodies: new Set() }
  registerRoutes(app, registration as Registration)
  await app.ready()
  await app.close()
  return found.sort()
}

function documented(document: Record<string, unknown>): string[] {
  const paths = document.paths as Record<string, Record<string, unknown>>
  return Object.entries(paths)
    .flatMap(([path, operations]) => Object.keys(operations).map(method => `${method.toUpperCase()} ${path}`))
    .sort()
}

test('every registered route is in the document, and every documented one is registered', async () => {
  assert.deepEqual(await registered(), documented(buildOpenApi('1')))
})

test('every route has a handler', () => {
  const missing = (Object.keys(ROUTES) as RouteName[]).filter(name => typeof HANDLERS[name] !== 'function')
  assert.deepEqual(missing, [])
})

test('docs/openapi.json is what the server answers: node scripts/openapi.ts writes it', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const kept: unknown = JSON.parse(readFileSync(join(root, 'docs/openapi.json'), 'utf8'))
  assert.deepEqual(kept, JSON.parse(JSON.stringify(buildOpenApi(version))))
})
