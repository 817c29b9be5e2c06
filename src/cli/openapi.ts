// evenkeel openapi: the description of the HTTP API, as the server serves it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildOpenApi } from '../contract/openapi.ts'
import { EXIT, type Verb } from './verb.ts'

export const verb: Verb = {
  name: 'openapi',
  summary: 'print the OpenAPI document of the HTTP API',
  usage: '',
  options: {},
  async run(context) {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as {
      version: string
    }
    const document = buildOpenApi(version)
    if (context.json) context.out.document(document)
    else context.out.write(`${JSON.stringify(document, null, 2)}\n`)
    return EXIT.ok
  },
}
