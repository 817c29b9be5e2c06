// What the rules read: files as text, and TypeScript text with comments or strings blanked out.

export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string
  readonly text: string
}

/** `place` is `path:line` or a path; `message` says what is wrong and what to do. */
export interface Finding {
  readonly place: string
  readonly message: string
}

export type Rule = (files: readonly SourceFile[]) => Finding[]

export const isTypeScript = (path: string): boolean => /\.tsx?$/.test(path)
export const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path)

export function finding(file: SourceFile, offset: number, message: string): Finding {
  return { place: `${file.path}:${lineAt(file.text, offset)}`, message }
}

function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** All places where the pattern (global) matches in `searched`, a blanked copy of the file's text. */
export function findingsOf(file: SourceFile, searched: string, pattern: RegExp, message: (found: string) => string): Finding[] {
  return Array.from(searched.matchAll(pattern), match => finding(file, match.index, message(match[0].trim())))
}

/** The text with comments blanked. Offsets and lines stay. */
export const withoutComments = (text: string): string => blank(text, false)
/** The text with comments and the insides of strings and regular expressions blanked. Offsets and lines stay. */
export const codeOnly = (text: string): string => blank(text, true)

/** Words after which a slash begins a regular expression and not a division. */
const beforeRegex = /(^|[([{,;=:!&|?+\-*%<>~^]|=>|\b(return|typeof|case|in|of|delete|void|throw|new|else|do))\s*$/

/**
 * A small scanner, not a parser: strings, templates with their expressions, comments, regular expressions.
 * JSX text is taken for code, which is harmless for rules that look for identifiers.
 */
function blank(text: string, strings: boolean): string {
  const out: string[] = []
  // Depth of braces inside each template expression we stand in.
  const templates: number[] = []
  let at = 0
  const keep = (to: number) => {
    out.push(text.slice(at, to))
    at = to
  }
  const erase = (to: number) => {
    out.push(text.slice(at, to).replace(/[^\n]/g, ' '))
    at = to
  }
  const inside = (to: number) => (strings ? erase(to) : keep(to))
  const template = () => {
    const end = templateEnd(text, at)
    inside(end)
    if (text.startsWith('${', at)) {
      templates.push(0)
      keep(at + 2)
    } else keep(Math.min(at + 1, text.length))
  }
  while (at < text.length) {
    const char = text[at]!
    if (char === '/' && text[at + 1] === '/') erase(endOr(text.indexOf('\n', at), text.length))
    else if (char === '/' && text[at + 1] === '*') erase(endOr(text.indexOf('*/', at + 2) + 2, text.length, 2))
    else if (char === "'" || char === '"') {
      const end = quotedEnd(text, at + 1, char)
      keep(at + 1)
      inside(end)
      keep(Math.min(end + 1, text.length))
    } else if (char === '`') {
      keep(at + 1)
      template()
    } else if (char === '/' && beforeRegex.test(text.slice(Math.max(0, at - 20), at))) {
      const end = regexEnd(text, at + 1)
      keep(at + 1)
      inside(end)
      keep(Math.min(end + 1, text.length))
    } else if (char === '{' && templates.length > 0) {
      templates.push(templates.pop()! + 1)
      keep(at + 1)
    } else if (char === '}' && templates.length > 0) {
      const depth = templates.pop()!
      keep(at + 1)
      if (depth === 0) template()
      else templates.push(depth - 1)
    } else keep(nextOfInterest(text, at + 1))
  }
  return out.join('')
}

function nextOfInterest(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '/' || char === "'" || char === '"' || char === '`' || char === '{' || char === '}') return at
  }
  return text.length
}

function endOr(found: number, otherwise: number, least = 0): number {
  return found < least ? otherwise : found
}

function quotedEnd(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === quote || text[at] === '\n') return at
  }
  return text.length
}

function templateEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '`' || (text[at] === '$' && text[at + 1] === '{')) return at
  }
  return text.length
}

function regexEnd(text: string, from: number): number {
  let inClass = false
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '\n') return at
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return at
  }
  return text.length
}
