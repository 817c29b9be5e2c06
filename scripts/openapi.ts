// Writes docs/openapi.json from the contract's schemas. A test keeps the file equal to what the server answers.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildOpenApi } from '../src/contract/openapi.ts'

const root = join(import.meta.dirname, '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const path = join(root, 'docs/openapi.json')
writeFileSync(path, `${JSON.stringify(buildOpenApi(version), null, 2)}\n`)
console.log(`wrote ${path}`)
