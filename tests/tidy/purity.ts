// The pure floors know no clock, no chance and no waiting; what the compiler cannot see of that is looked for here.

import {
  codeOnly,
  type Finding,
  findingsOf,
  isTest,
  isTypeScript,
  type Rule,
  type SourceFile,
  withoutComments,
} from './source.ts'

const pure = /^src\/(core|engine|backtest)\//
const contract = /^src\/contract\//
/** Interfaces alone: what others wait for is named there, and nothing waits. */
const ports = 'src/engine/ports.ts'

const clock: readonly [RegExp, string][] = [
  [/\bDate\s*\.\s*now\b/g, 'reads a clock: the time comes with the event'],
  [/\bnew\s+Date\s*(\(\s*\)|(?=[;,)\n]))/g, 'reads a clock: the time comes with the event'],
  [/(?<!\bnew\s+)\bDate\s*\(\s*\)/g, 'reads a clock: the time comes with the event'],
  [/\bperformance\s*\.\s*\w+/g, 'reads a clock: the time comes with the event'],
  [/\bMath\s*\.\s*random\b/g, 'is chance without a seed'],
]

const outside: readonly [RegExp, string][] = [
  [/(?<![.\w])(setTimeout|setInterval|setImmediate|queueMicrotask)\b/g, 'waits: return a watch instead'],
  [/(?<![.\w])fetch\s*\(/g, 'talks to the network: that is an adapter’s work'],
  [/(?<![.\w])crypto\s*\.\s*(getRandomValues|randomUUID)\b/g, 'is chance without a seed'],
  [/(?<![.\w'"])(async|await)\b(?!\s*:)/g, 'waits: a step is synchronous'],
]

const promise: readonly [RegExp, string] = [/\bPromise\b/g, 'waits: a step is synchronous']

const nodeImport = /(?:\bfrom|\bimport)\s*\(?\s*(['"])node:[^'"]*\1/g

/** No clock, chance, timer, network, Node module or promise in core, engine and backtest; no clock and no Node in contract. */
export const purity: Rule = files => files.filter(file => isTypeScript(file.path) && !isTest(file.path)).flatMap(impurities)

function impurities(file: SourceFile): Finding[] {
  const isPure = pure.test(file.path)
  if (!isPure && !contract.test(file.path)) return []
  const code = codeOnly(file.text)
  const looked = !isPure ? clock : [...clock, ...outside, ...(file.path === ports ? [] : [promise])]
  const found = looked.flatMap(([pattern, why]) => findingsOf(file, code, pattern, text => `${text} ${why}`))
  const imports = findingsOf(file, withoutComments(file.text), nodeImport, text => `${text}: this floor also runs in a browser`)
  return [...found, ...imports]
}
