// What a hurried edit leaves: narrowed tests, notes to oneself, silenced types, files without an end, words of elsewhere.
// The patterns are put together from halves, so that this file does not match them.

import { codeOnly, type Finding, findingsOf, isTest, isTypeScript, type Rule, withoutComments } from './source.ts'

const either = (...words: readonly string[]) => words.join('|')

const narrowed = new RegExp(`\\.(${either('on' + 'ly', 'sk' + 'ip', 'to' + 'do')})\\s*\\(`, 'g')
const notes = new RegExp(`\\b(${either('TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK')})\\b`, 'g')
const silenced = new RegExp(`@${'ts'}-(${either('ign' + 'ore', 'expect-' + 'error', 'no' + 'check')})`, 'g')
const untyped = /(:\s*any\b(?!\s*\()|\bas\s+any\b|<any>|\bany\[\])/g

/** No narrowed or empty tests (skip with `{ skip: reason }`), no notes to oneself, no silenced type checks, no `any`. */
export const leftovers: Rule = files =>
  files
    .filter(file => isTypeScript(file.path))
    .flatMap((file): Finding[] => {
      const code = codeOnly(file.text)
      return [
        ...findingsOf(file, code, narrowed, text => `${text} leaves tests out; a skip is { skip: reason }`),
        ...findingsOf(file, file.text, notes, text => `${text}: do it, or write it where work is planned`),
        ...findingsOf(file, file.text, silenced, text => `${text} silences the compiler`),
        ...findingsOf(file, code, untyped, text => `${text}: say the type`),
      ]
    })

const longestFile = 600

/** A file is one thought: over 600 lines it holds a second noun. */
export const fileLength: Rule = files =>
  files
    .filter(file => isTypeScript(file.path))
    .flatMap(file => {
      const lines = file.text.replace(/\n$/, '').split('\n').length
      return lines <= longestFile ? [] : [{ place: file.path, message: `${lines} lines: name the second noun in it` }]
    })

const foreignWords: readonly RegExp[] = [
  new RegExp(
    `\\b(${either('cla' + 'ude', 'anth' + 'ropic', 'chat' + 'gpt', 'open' + 'ai', 'cop' + 'ilot', 'cod' + 'ex', 'll' + 'ms?')})\\b`,
    'gi',
  ),
  new RegExp(`\\b(${either('a' + 'i', 'l' + 'lm')})[ -](${either('agent', 'assistant', 'generated', 'model')}s?\\b)`, 'gi'),
  new RegExp(`\\bsub-?${'agent'}s?\\b`, 'gi'),
  new RegExp(`\\bregistry\\.(${either('npm' + 'js', 'yarn' + 'pkg')})\\.\\w+`, 'gi'),
  new RegExp(`(?<![\\w.~-])/(${either('wo' + 'rk', 'fa' + 'rm')})(?![\\w-])`, 'g'),
]

/** Nothing in the tree names the tools or the machine it was made with, nor a package registry. */
export const foreign: Rule = files =>
  files.flatMap(file =>
    foreignWords.flatMap(pattern => findingsOf(file, file.text, pattern, text => `"${text}" does not belong in the project`)),
  )

const exactFloors = /^src\/core\/(money|ledger|orders|positions)\//
const inexact = /\b(parseFloat|Number)\s*\(|\bNumber\.parseFloat\b/g

/** Money never passes through float64: only decimal.ts may, and says where. */
export const exactMoney: Rule = files =>
  files
    .filter(
      file => exactFloors.test(file.path) && isTypeScript(file.path) && !isTest(file.path) && !file.path.endsWith('/decimal.ts'),
    )
    .flatMap(file =>
      findingsOf(file, codeOnly(file.text), inexact, text => `${text} makes float64 of an exact amount; use Decimal`),
    )

/** A migration opens with a sentence that says what it is for. */
export const migrationSentence: Rule = files =>
  files
    .filter(file => file.path.endsWith('.sql') && file.path.includes('/migrations/'))
    .filter(file => !/^\s*--[ \t]*\S+([ \t]+\S+){2,}/.test(file.text))
    .map(file => ({ place: `${file.path}:1`, message: 'begins without a comment sentence' }))

/** A test that asserts nothing cannot fail. */
export const assertions: Rule = files =>
  files
    .filter(file => isTest(file.path) && !/\b(assert|expect)\w*\s*(<[^>]*>)?\s*[.(]/.test(codeOnly(withoutComments(file.text))))
    .map(file => ({ place: file.path, message: 'asserts nothing: it cannot fail' }))
