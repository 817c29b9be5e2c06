/** The OpenAPI 3.1 document, built from the routes and the very schemas that validate. The same routes give the same text. */

import { z } from 'zod'
import { ERROR_STATUS, errorSchema } from './errors.ts'
import type { Route } from './http.ts'
import { ROUTES } from './routes.ts'

type Json = Record<string, unknown>

const PREFIX = '#/components/schemas/'

/** @param version of the product. */
export function buildOpenApi(version: string): Json {
  const components: Json = {}
  const schemaOf = schemaWriter(components)
  const errorRef = schemaOf(errorSchema, 'output')
  const paths: Record<string, Json> = {}
  for (const [name, definition] of Object.entries(ROUTES) as [string, Route][]) {
    for (const [i, path] of [definition.path, ...(definition.aliases ?? [])].entries()) {
      const at = `/api${path}`
      paths[at] ??= {}
      paths[at][definition.method.toLowerCase()] = operation(i === 0 ? name : `${name}${i + 1}`, definition, schemaOf, errorRef)
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Evenkeel',
      version,
      description: `Money, prices and quantities are decimal text. Error codes: ${Object.entries(ERROR_STATUS)
        .map(([code, status]) => `${code} ${status}`)
        .join(', ')}.`,
    },
    servers: [{ url: '/' }],
    paths: sorted(paths),
    components: {
      schemas: sorted(components),
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-evenkeel',
          description: 'Plain `evenkeel` on loopback; unsafe requests send X-CSRF-Token',
        },
        token: { type: 'http', scheme: 'bearer', description: 'An API token, ek_…' },
      },
    },
  }
}

type Io = 'input' | 'output'

/** Writes a schema; the ones with an id become components, once, under `Name` or `NameInput`. */
function schemaWriter(components: Json): (schema: z.ZodType, io: Io) => Json {
  return (schema, io) => {
    const written = z.toJSONSchema(schema, {
      io,
      target: 'draft-2020-12',
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => {
        // A config decimal is text or a number before it is read; only the reading can check it.
        const meta = z.globalRegistry.get(zodSchema as unknown as z.ZodType)
        if (meta && 'decimal' in meta) {
          delete (jsonSchema as Json).decimal
          Object.assign(jsonSchema, io === 'input' ? { type: ['string', 'number'] } : { type: 'string' })
        }
      },
    }) as Json
    const suffix = io === 'input' ? 'Input' : ''
    const definitions = (written.$defs ?? {}) as Record<string, Json>
    for (const [id, definition] of Object.entries(definitions)) {
      const { id: _, $id: __, ...body } = definition
      components[id + suffix] ??= renamed(body, suffix)
    }
    const { $schema: _, $defs: __, id, ...rest } = written
    const body = renamed(rest, suffix) as Json
    if (typeof id !== 'string') return body
    components[id + suffix] ??= body
    return { $ref: `${PREFIX}${id}${suffix}` }
  }
}

/** References inside a written schema, pointed at the components. */
function renamed(value: unknown, suffix: string): unknown {
  if (Array.isArray(value)) return value.map(item => renamed(item, suffix))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === '$ref' && typeof item === 'string') return [key, `${PREFIX}${item.replace('#/$defs/', '')}${suffix}`]
      return [key, renamed(item, suffix)]
    }),
  )
}

function operation(operationId: string, definition: Route, schemaOf: (schema: z.ZodType, io: Io) => Json, errorRef: Json): Json {
  const parameters = [
    ...parametersOf(definition.params, 'path', schemaOf),
    ...parametersOf(definition.query, 'query', schemaOf),
    ...(definition.idempotencyKey
      ? [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: definition.idempotencyKey === 'required',
            schema: { type: 'string', maxLength: 200 },
          },
        ]
      : []),
  ]
  const responses: Json = {}
  for (const [status, schema] of Object.entries(definition.responses)) {
    const type = definition.stream ? 'text/event-stream' : 'application/json'
    responses[status] = schema
      ? { description: 'Done', content: { [type]: { schema: schemaOf(schema, 'output') } } }
      : { description: 'Done, nothing to say' }
  }
  responses.default = { description: 'Refused or failed', content: { 'application/json': { schema: errorRef } } }
  return {
    operationId,
    tags: [definition.tag],
    summary: definition.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(definition.body
      ? {
          requestBody: {
            required: !definition.body.safeParse(undefined).success,
            content: { 'application/json': { schema: schemaOf(definition.body, 'input') } },
          },
        }
      : {}),
    responses,
    security: security(definition),
  }
}

function security({ access }: Route): Json[] {
  if (access === 'public') return []
  if (access === 'session') return [{ session: [] }]
  return [{ session: [] }, { token: access === 'signed_in' ? [] : [access] }]
}

function parametersOf(
  schema: z.ZodObject | undefined,
  place: 'path' | 'query',
  schemaOf: (schema: z.ZodType, io: Io) => Json,
): Json[] {
  if (!schema) return []
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: place,
    required: place === 'path' || !(field as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(field as z.ZodType, 'input'),
  }))
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
