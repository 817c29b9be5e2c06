import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { ERROR_CODES, ERROR_STATUS } from './errors.ts'
import { pathOf, type Route } from './http.ts'
import { buildOpenApi } from './openapi.ts'
import { ROUTES } from './routes.ts'

const routes = Object.entries(ROUTES) as [string, Route][]

interface Document {
  openapi: string
  paths: Record<string, Record<string, { operationId: string; parameters?: { name: string; in: string; required: boolean }[] }>>
  components: { schemas: Record<string, unknown> }
}

test('the document builds, twice the same text, in OpenAPI 3.1', () => {
  const text = JSON.stringify(buildOpenApi('1.2.3'))
  assert.equal(JSON.stringify(buildOpenApi('1.2.3')), text)
  const document = JSON.parse(text) as Document
  assert.equal(document.openapi, '3.1.0')
  assert.ok(text.length > 20_000)
})

test('every endpoint the platform names for this version is there', () => {
  const document = buildOpenApi('1') as unknown as Document
  const wanted = `GET /bots|POST /bots|POST /bots/dca-bots|POST /bots/validate|GET /bots/{id}|PUT /bots/{id}|DELETE /bots/{id}
    |POST /bots/{id}/start-paper|POST /bots/dca-bots/{id}/start-paper|POST /bots/{id}/start|POST /bots/{id}/stop|POST /bots/{id}/pause
    |POST /bots/{id}/resume|POST /bots/{id}/start-deal|GET /bots/dca-bots/status/{id}|GET /bots/{id}/runs|GET /bots/{id}/orders
    |GET /bots/{id}/positions|GET /bots/{id}/funds|GET /bots/{id}/trades|GET /bots/{id}/decisions|GET /bots/{id}/logs
    |GET /bots/{id}/metrics|GET /bots/{id}/equity|GET /bots/{id}/versions|GET /orders|GET /orders/{id}|GET /positions|GET /funds
    |GET /trades|GET /deals|GET /trades/summary|GET /trades/{id}|POST /ladder/preview|GET /candles|GET /candles/coverage
    |GET /instruments|GET /instruments/{id}|GET /health|GET /ready|GET /openapi.json|GET /stream|GET /events|POST /auth/sign-up
    |POST /auth/login|POST /auth/logout|GET /auth/sessions|DELETE /auth/sessions|GET /me|PATCH /me|GET /tokens|POST /tokens|DELETE /tokens/{id}`
  for (const entry of wanted.split('|').map(part => part.trim())) {
    const [method, path] = entry.split(' ')
    assert.ok(document.paths[`/api${path}`]?.[(method ?? '').toLowerCase()], entry)
  }
})

test('operations have one name each, their path parameters, and only references that exist', () => {
  const document = buildOpenApi('1') as unknown as Document
  const names: string[] = []
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods)) {
      names.push(operation.operationId)
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1])
      const declared = (operation.parameters ?? []).filter(parameter => parameter.in === 'path').map(parameter => parameter.name)
      assert.deepEqual(declared, inPath, path)
    }
  }
  assert.equal(new Set(names).size, names.length)
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(match => match[1] ?? '')
  assert.ok(references.length > 50)
  for (const reference of references)
    assert.ok(document.components.schemas[reference.replace('#/components/schemas/', '')], reference)
})

test('config decimals may be text or number in a request', () => {
  const document = buildOpenApi('1') as unknown as Document
  const config = JSON.stringify(document.components.schemas.DcaConfigInput)
  assert.match(config, /"size":\{"type":\["string","number"\]\}/)
  assert.ok(!config.includes('"decimal"'))
})

test('no two routes share method and path', () => {
  const all = routes.flatMap(([, route]) => [route.path, ...(route.aliases ?? [])].map(path => `${route.method} ${path}`))
  assert.equal(new Set(all).size, all.length)
})

test('a request body and query refuse keys nobody knows', () => {
  for (const [name, route] of routes) {
    for (const schema of [route.query, route.body]) {
      const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema
      if (!(inner instanceof z.ZodObject)) continue
      const result = inner.safeParse({ userId: 'someone else' })
      assert.ok(!result.success && result.error.issues.some(issue => issue.code === 'unrecognized_keys'), name)
    }
  }
})

test('every error code has a status', () => {
  assert.equal(ERROR_CODES.length, 39)
  assert.equal(ERROR_STATUS.VALIDATION_ERROR, 422)
  assert.ok(Object.values(ERROR_STATUS).every(status => status >= 400 && status < 600))
})

test('a path takes its parameters encoded', () => {
  assert.equal(pathOf('/instruments/{id}', { id: 'binance:BTC/USDT' }), '/instruments/binance%3ABTC%2FUSDT')
  assert.throws(() => pathOf('/bots/{id}'), /needs id/)
})

test('a query reads its numbers from text and refuses instants that are none', () => {
  const candles = ROUTES.listCandles.query
  const read = candles.parse({ exchange: 'demo', symbol: 'BTC/USDT', limit: '5', from: '2024-01-31' })
  assert.equal(read.limit, 5)
  assert.equal(read.timeframe, '1h')
  assert.ok(!candles.safeParse({ exchange: 'demo', symbol: 'BTC/USDT', from: 'yesterday' }).success)
  assert.ok(!candles.safeParse({ exchange: 'demo', symbol: 'BTC/USDT', limit: '1001' }).success)
})

test('a paper run starts with nothing said, on the demo market, or from a replay', () => {
  const body = ROUTES.startPaper.body
  assert.equal(body.parse(undefined), undefined)
  assert.deepEqual(body.parse({ initialBalance: '1000' }), { initialBalance: '1000', seed: 0 })
  assert.deepEqual(body.parse({ feed: { kind: 'demo' } })?.feed, { kind: 'demo', speed: 1 })
  assert.deepEqual(body.parse({ feed: { kind: 'replay', exchange: 'binance' } })?.feed, {
    kind: 'replay',
    exchange: 'binance',
    speed: 'max',
  })
  for (const bad of [
    { initialBalance: 1000 },
    { initialBalance: '-1' },
    { initialBalance: 'NaN' },
    { feed: { kind: 'demo', speed: 61 } },
    { feed: { kind: 'live' } },
  ])
    assert.ok(!body.safeParse(bad).success, JSON.stringify(bad))
})
