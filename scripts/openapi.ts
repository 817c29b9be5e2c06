// Writes docs/openapi.json from the contract's schemas, formatted as everything else. A test keeps it equal to what the server answers.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildOpenApi } from '../src/contract/openapi.ts'

const root = join(import.meta.dirname, '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const path = join(root, 'docs/openapi.json')
writeFileSync(path, `${JSON.stringify(buildOpenApi(version), null, 2)}\n`)
execFileSync(process.execPath, [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'format', '--write', path], { cwd: root })
console.log(`wrote ${path}`)
