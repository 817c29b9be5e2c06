// Who may import whom. The compiler refuses an upward import between projects; this table also knows what one project hides:
// a venue importing another venue, a feature another feature, an npm package on a pure floor.

import { type Finding, finding, isTest, isTypeScript, type Rule, type SourceFile, withoutComments } from './source.ts'

/** Floors each floor may import besides itself. `cli` stands on `app`, and nothing stands on `cli`. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  engine: ['core'],
  backtest: ['core', 'engine'],
  contract: ['core'],
  storage: ['core', 'engine'],
  exchanges: ['core', 'engine'],
  'market-data': ['core', 'engine'],
  notify: ['core', 'engine'],
  runs: ['core', 'engine', 'backtest'],
  research: ['core', 'engine', 'backtest'],
  'crash-lab': ['core', 'engine', 'backtest', 'contract', 'storage', 'market-data', 'runs'],
  api: ['contract', 'core', 'engine', 'runs', 'storage'],
  app: ['core', 'engine', 'backtest', 'contract', 'storage', 'exchanges', 'market-data', 'notify', 'runs', 'research', 'api'],
  cli: [
    'crash-lab',
    'core',
    'engine',
    'backtest',
    'contract',
    'storage',
    'exchanges',
    'market-data',
    'notify',
    'runs',
    'research',
    'api',
    'app',
  ],
  web: ['core', 'engine', 'backtest', 'contract'],
}

/** npm packages of the floors that run anywhere. Floors not named here may import any. */
const mayUsePackages: Record<string, readonly string[]> = { core: [], engine: [], backtest: [], contract: ['zod'] }

const importPattern = /(?:\b(?:import|export)\b[^'"`;()]*?\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g

/** Every import of a file: where, and of what. */
export function importsOf(file: SourceFile): { offset: number; target: string }[] {
  return Array.from(withoutComments(file.text).matchAll(importPattern), match => ({ offset: match.index, target: match[2]! }))
}

export const floors: Rule = files => files.filter(file => isTypeScript(file.path)).flatMap(forbiddenImports)

function forbiddenImports(file: SourceFile): Finding[] {
  const from = floorOf(file.path)
  if (from === undefined) return []
  return importsOf(file).flatMap(({ offset, target }) => {
    const why = target.startsWith('.')
      ? wrongFloor(file.path, from, resolvePath(file.path, target))
      : wrongPackage(file.path, from, target)
    return why === undefined ? [] : [finding(file, offset, why)]
  })
}

function wrongFloor(path: string, from: string, target: string): string | undefined {
  const to = floorOf(target)
  // A test may wire what its floor is only handed at run time.
  if (isTest(path)) return undefined
  if (to === undefined) return `${from} imports ${target}, which is no floor`
  if (to !== from) return mayImport[from]?.includes(to) ? undefined : `${from} must not know ${to} (${target})`
  if (from === 'exchanges') return betweenRooms(path, target, /^src\/exchanges\/([^/]+)\//, ['conformance', 'shared'])
  if (from === 'web') return betweenRooms(path, target, /^web\/src\/features\/([^/]+)\//, []) ?? uiKnowsNothing(path, target)
  return undefined
}

/** Venues do not know one another, nor do features. */
function betweenRooms(path: string, target: string, room: RegExp, common: readonly string[]): string | undefined {
  const own = room.exec(path)?.[1]
  const other = room.exec(target)?.[1]
  if (own === undefined || other === undefined || own === other || common.includes(other)) return undefined
  return `${own} must not know its neighbour ${other} (${target})`
}

function uiKnowsNothing(path: string, target: string): string | undefined {
  if (!path.startsWith('web/src/ui/') || !/^web\/src\/(features|pages|app)\//.test(target)) return undefined
  return `ui/ knows no noun: it must not import ${target}`
}

function wrongPackage(path: string, from: string, target: string): string | undefined {
  const allowed = mayUsePackages[from]
  if (allowed === undefined || isTest(path)) return undefined
  // Node modules are the purity rule's matter.
  if (target.startsWith('node:')) return undefined
  const name = target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/')
  return allowed.includes(name) ? undefined : `${from} must not use the package ${name}`
}

function floorOf(path: string): string | undefined {
  if (path.startsWith('web/src/')) return 'web'
  const name = /^src\/([^/]+)\//.exec(path)?.[1]
  return name !== undefined && name in mayImport ? name : undefined
}

function resolvePath(from: string, target: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}
