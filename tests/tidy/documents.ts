// Documents and package.json keep their word: links lead somewhere, commands exist, dependencies are pinned and explained.

import { dirname, posix } from 'node:path'
import { type Finding, finding, type Rule, type SourceFile } from './source.ts'

const isDocument = (path: string) => path.endsWith('.md')

interface PackageJson {
  readonly scripts?: Record<string, string>
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

/** Every dependency has an exact version and a line in docs/dependencies.md, and the document names no other. */
export const dependencies: Rule = files => {
  const manifest = packageJson(files)
  if (manifest === undefined) return []
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }
  const text = files.find(file => file.path === 'docs/dependencies.md')?.text ?? ''
  const described = new Set(Array.from(text.matchAll(/^- `.*$/gm), line => line[0]).flatMap(namesIn))
  const place = 'package.json'
  const loose = Object.entries(all)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => ({ place, message: `${name} is not pinned exactly: "${version}"` }))
  const unexplained = Object.keys(all)
    .filter(name => !described.has(name))
    .map(name => ({ place, message: `${name} has no line in docs/dependencies.md` }))
  const gone = [...described]
    .filter(name => !(name in all))
    .map(name => ({ place: 'docs/dependencies.md', message: `${name} is not in package.json` }))
  return [...loose, ...unexplained, ...gone]
}

/** Names in backticks before the colon of a line: - `a`, `b`: why. */
function namesIn(line: string): string[] {
  const head = line.slice(0, line.indexOf('`:') + 1)
  return Array.from(head.matchAll(/`([^`]+)`/g), match => match[1]!)
}

/** The lock names no registry, so that any mirror serves it. */
export const lockWithoutHosts: Rule = files =>
  files
    .filter(file => file.path === 'package-lock.json')
    .flatMap(file =>
      Array.from(file.text.matchAll(/"resolved": "(?!file:)/g), match => finding(file, match.index, 'a resolved address')),
    )

/** Links to files of the tree lead to files of the tree. */
export const links: Rule = files => {
  const paths = new Set(files.map(file => file.path))
  const folders = new Set(files.flatMap(file => parents(file.path)))
  return files
    .filter(file => isDocument(file.path))
    .flatMap(file => {
      const text = withoutCode(file.text)
      const targets = Array.from(text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm), match => ({
        offset: match.index,
        target: match[1] ?? match[2]!,
      }))
      return targets.flatMap(({ offset, target }): Finding[] => {
        if (/^([a-z][a-z+.-]*:|#)/i.test(target)) return []
        const path = target.startsWith('/') ? target.slice(1) : posix.join(dirname(file.path), target)
        const bare = decodeURIComponent(path.replace(/[#?].*$/, '')).replace(/\/$/, '')
        return paths.has(bare) || folders.has(bare) || bare === '.'
          ? []
          : [finding(file, offset, `link to ${target}, which is not there`)]
      })
    })
}

function parents(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}

/** Code blocks and spans blanked: a link there is an example. */
function withoutCode(text: string): string {
  return text.replace(/```[\s\S]*?```|`[^`\n]*`/g, code => code.replace(/[^\n]/g, ' '))
}

/** Every `npm run x` in a document is a script. */
export const npmScripts: Rule = files => {
  const scripts = packageJson(files)?.scripts ?? {}
  return mentions(files, /\bnpm run ([a-z][\w:-]*)/g)
    .filter(({ name }) => !(name in scripts))
    .map(({ file, offset, name }) => finding(file, offset, `npm run ${name}: package.json has no such script`))
}

/** Every `./evenkeel x` in a document is a verb of the command line. */
export function cliVerbs(files: readonly SourceFile[], verbs: readonly string[]): Finding[] {
  return mentions(files, /\.\/evenkeel ([a-z][a-z-]*)/g)
    .filter(({ name }) => !verbs.includes(name))
    .map(({ file, offset, name }) => finding(file, offset, `./evenkeel ${name}: there is no such verb`))
}

function mentions(files: readonly SourceFile[], pattern: RegExp): { file: SourceFile; offset: number; name: string }[] {
  return files
    .filter(file => isDocument(file.path) && file.path !== 'CHANGELOG.md')
    .flatMap(file => Array.from(file.text.matchAll(pattern), match => ({ file, offset: match.index, name: match[1]! })))
}

function packageJson(files: readonly SourceFile[]): PackageJson | undefined {
  const file = files.find(each => each.path === 'package.json')
  return file && (JSON.parse(file.text) as PackageJson)
}
