// Plants a bad sample and answers where a rule finds fault, as `path:line`.

import type { Rule, SourceFile } from './source.ts'

export const file = (path: string, text: string): SourceFile => ({ path, text })

export function places(rule: Rule, ...files: readonly SourceFile[]): string[] {
  return rule(files).map(each => each.place)
}
