// A verb of the command line: its name, its options, and a function from a context to an exit code. What all verbs share stands
// here - how options are declared and read, what is written to stdout and what to stderr, and which trouble ends in which exit code.

import { type ParseArgsConfig, parseArgs } from 'node:util'

/** 0 ok, 1 failed, 2 usage or config, 3 refused by a gate, 4 database, 5 verification, 130 cancelled. */
export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3, database: 4, verification: 5, cancelled: 130 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface VerbOption {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  readonly short?: string
  /** How the value is called in the help, such as FILE. */
  readonly value?: string
  readonly help: string
}

export type OptionValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

export interface VerbContext {
  /** What stands after the verb and is no option. */
  readonly args: readonly string[]
  readonly options: OptionValues
  readonly json: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: Output
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal
}

export interface Verb {
  readonly name: string
  readonly summary: string
  /** What stands after the verb's name, such as `FILE... --exchange X --symbol S`. One that names options only takes nothing else. */
  readonly usage: string
  /** Paragraphs below the options in `--help`. */
  readonly details?: string
  readonly options: Readonly<Record<string, VerbOption>>
  /** Computes without ever yielding: SIGINT then keeps its default and ends the process at once. */
  readonly blocking?: boolean
  run(context: VerbContext): Promise<number>
}

/** A verb of verbs: `candles import`, `candles list`. */
export interface VerbGroup {
  readonly name: string
  readonly summary: string
  readonly verbs: readonly Verb[]
}

/** Where the lines go; tests pass arrays. `width` is 0 where stderr is no terminal. */
export interface Streams {
  stdout(text: string): void
  stderr(text: string): void
  readonly width: number
  nowMs(): number
}

/** Trouble with a name in the exit code's family; `code` is of the API's kind (UPPER_SNAKE). */
export class CliError extends Error {
  readonly exitCode: number
  readonly code: string
  readonly details: readonly unknown[]
  constructor(exitCode: number, code: string, message: string, details: readonly unknown[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CliError'
    this.exitCode = exitCode
    this.code = code
    this.details = details
  }
}

/** The command cannot be understood: which field, the value it was given, and what to write instead. */
export class UsageError extends CliError {
  constructor(field: string, value: unknown, remedy: string) {
    const given = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`
    super(EXIT.usage, 'BAD_REQUEST', `${field} ${given}: ${remedy}`, [{ path: field, code: 'USAGE', message: remedy }])
    this.name = 'UsageError'
  }
}

/** Lines for people and documents for programs: with --json only one document goes to stdout, every line to stderr. */
export class Output {
  readonly json: boolean
  readonly #streams: Streams
  #progressOpen = false

  constructor(streams: Streams, json: boolean) {
    this.#streams = streams
    this.json = json
  }

  /** A line of the answer. */
  line(text = ''): void {
    this.#endProgress()
    if (this.json) this.#streams.stderr(`${text}\n`)
    else this.#streams.stdout(`${text}\n`)
  }

  /** Raw text of the answer, such as CSV. */
  write(text: string): void {
    this.#endProgress()
    this.#streams.stdout(text)
  }

  /** A remark beside the answer: stderr. */
  note(text: string): void {
    this.#endProgress()
    this.#streams.stderr(`${text}\n`)
  }

  /** The one JSON document of --json. */
  document(value: unknown): void {
    this.#endProgress()
    this.#streams.stdout(`${JSON.stringify(value)}\n`)
  }

  /** The answer in the form that was asked for. */
  result(value: unknown, lines: () => readonly string[]): void {
    if (this.json) this.document(value)
    else for (const line of lines()) this.line(line)
  }

  /** Progress of long work on stderr: a bar with the time left on a terminal, a plain line every five seconds otherwise. */
  progress(label: string, total: number): (done: number) => void {
    const streams = this.#streams
    const startedAtMs = streams.nowMs()
    let shownAtMs = startedAtMs
    const everyMs = streams.width > 0 ? 100 : 5000
    return done => {
      const nowMs = streams.nowMs()
      const ended = done >= total
      if (nowMs - shownAtMs < everyMs && !(ended && this.#progressOpen)) return
      shownAtMs = nowMs
      const share = total > 0 ? Math.min(1, done / total) : 1
      const leftSec = share > 0 ? ((nowMs - startedAtMs) / 1000) * (1 / share - 1) : 0
      const text = `${label} ${Math.floor(share * 100)} % (${done}/${total})${ended ? '' : `, ${formatSeconds(leftSec)} left`}`
      if (streams.width === 0) {
        streams.stderr(`${text}\n`)
        return
      }
      const room = Math.max(0, Math.min(30, streams.width - text.length - 4))
      const filled = Math.round(share * room)
      const bar = room > 4 ? `[${'#'.repeat(filled)}${'.'.repeat(room - filled)}] ` : ''
      streams.stderr(`\r\u001b[K${bar}${text}`)
      this.#progressOpen = true
      if (ended) this.#endProgress()
    }
  }

  #endProgress(): void {
    if (!this.#progressOpen) return
    this.#progressOpen = false
    this.#streams.stderr('\n')
  }
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

const COMMON_OPTIONS: Readonly<Record<string, VerbOption>> = {
  json: { type: 'boolean', help: 'one JSON document on stdout; lines and progress on stderr' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
}

/**
 * Run a verb, or the verb of a group that `args` name.
 * @returns the exit code. @throws UsageError for options it does not know, and whatever the verb throws.
 */
export async function runVerb(
  verb: Verb | VerbGroup,
  args: readonly string[],
  streams: Streams,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
  path = 'evenkeel',
): Promise<number> {
  const here = `${path} ${verb.name}`
  if ('verbs' in verb) {
    const [name, ...rest] = args
    if (name === undefined || name === '--help' || name === '-h') {
      ;(name === undefined ? streams.stderr : streams.stdout)(groupHelp(verb, here))
      return name === undefined ? EXIT.usage : EXIT.ok
    }
    const child = verb.verbs.find(one => one.name === name)
    if (child) return runVerb(child, rest, streams, env, signal, here)
    const names = verb.verbs.map(one => one.name)
    throw new UsageError(here, name, `${suggestion(name, names)}its verbs are ${names.join(', ')}`)
  }
  const { positionals, values } = parseOptions(verb, args)
  if (values.help === true) {
    streams.stdout(verbHelp(verb, here))
    return EXIT.ok
  }
  if (positionals[0] !== undefined && takesOptionsOnly(verb)) {
    const known = Object.keys(verb.options).map(name => `--${name}`)
    const remedy = known.length > 0 ? `: ${known.join(', ')}` : ''
    throw new UsageError('argument', positionals[0], `${here} takes ${known.length > 0 ? 'options only' : 'none'}${remedy}`)
  }
  const json = values.json === true
  return verb.run({ args: positionals, options: values, json, env, out: new Output(streams, json), signal })
}

/** Where it can name nothing, a name is a mistake: what comes out would be read as that of what was named. */
function takesOptionsOnly({ usage }: Verb): boolean {
  return usage === '' || (/^\[?--/.test(usage) && !usage.includes('...'))
}

/** The verb that `args` will reach, to know before it runs whether it blocks. */
export function leafVerb(verb: Verb | VerbGroup, args: readonly string[]): Verb | undefined {
  return 'verbs' in verb ? verb.verbs.find(one => one.name === args[0]) : verb
}

function parseOptions(verb: Verb, args: readonly string[]): { positionals: string[]; values: OptionValues } {
  const declared = { ...verb.options, ...COMMON_OPTIONS }
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, option] of Object.entries(declared)) {
    options[name] = { type: option.type, multiple: option.multiple ?? false, ...(option.short ? { short: option.short } : {}) }
  }
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
    return { positionals: parsed.positionals, values: parsed.values as OptionValues }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // Node quotes the option as it was declared ('-f, --fast', '--count <value>') or as it was given ('--cuont')
    const name = /'([^']+)'/.exec(message)?.[1]?.split(', ').at(-1)?.split(' ')[0] ?? 'option'
    const option = declared[name.replace(/^-+/, '')]
    if (option?.type === 'string') throw new UsageError(name, undefined, `give it a value: ${name} ${option.value ?? 'VALUE'}`)
    if (option) throw new UsageError(name, undefined, `${name} takes no value`)
    const known = Object.keys(declared).map(one => `--${one}`)
    throw new UsageError('option', name, `${suggestion(name, known)}see evenkeel ${verb.name} --help`)
  }
}

function verbHelp(verb: Verb, path: string): string {
  const rows = Object.entries({ ...verb.options, ...COMMON_OPTIONS }).map(([name, option]) => [
    `${option.short ? `-${option.short}, ` : ''}--${name}${option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''}`,
    option.help,
  ])
  const details = verb.details ? `\n${verb.details}\n` : ''
  return `${verb.summary}\n\nUsage: ${path} ${verb.usage}\n\n${twoColumns(rows)}${details}`
}

function groupHelp(group: VerbGroup, path: string): string {
  const rows = group.verbs.map(verb => [verb.name, verb.summary])
  return `${group.summary}\n\nUsage: ${path} VERB\n\n${twoColumns(rows)}\nMore: ${path} VERB --help\n`
}

/** Rows of a left and a right text, the right ones below each other. */
export function twoColumns(rows: readonly (readonly string[])[]): string {
  const width = Math.max(0, ...rows.map(row => row[0]!.length))
  return rows.map(row => `  ${row[0]!.padEnd(width)}  ${row[1]!}\n`).join('')
}

/** `did you mean X? ` where a known word is near, else nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near ? `did you mean ${near}? ` : ''
}

/** The known word with the smallest edit distance, if at most a third of its letters differ. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best !== undefined && bestDistance <= Math.max(1, Math.floor(best.length / 3)) ? best : undefined
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

// Reading options: each returns undefined where the option is absent, and throws UsageError where its value makes no sense.

export function textOption(context: VerbContext, name: string): string | undefined {
  const value = context.options[name]
  return typeof value === 'string' ? value : undefined
}

export function requiredOption(context: VerbContext, name: string, remedy: string): string {
  const value = textOption(context, name)
  if (value === undefined || value === '') throw new UsageError(`--${name}`, value, remedy)
  return value
}

export function flagOption(context: VerbContext, name: string): boolean {
  return context.options[name] === true
}

export function textOptions(context: VerbContext, name: string): readonly string[] {
  const value = context.options[name]
  if (Array.isArray(value)) return value.filter(one => typeof one === 'string')
  return typeof value === 'string' ? [value] : []
}

export function integerOption(context: VerbContext, name: string, min: number, max: number): number | undefined {
  const text = textOption(context, name)
  if (text === undefined) return undefined
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new UsageError(`--${name}`, text, `write a whole number from ${min} to ${max}`)
  return value
}

export function numberOption(context: VerbContext, name: string, min: number, max: number): number | undefined {
  const text = textOption(context, name)
  if (text === undefined) return undefined
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new UsageError(`--${name}`, text, `write a number from ${min} to ${max}`)
  return value
}

export function choiceOption<T extends string>(context: VerbContext, name: string, choices: readonly T[]): T | undefined {
  const text = textOption(context, name)
  if (text === undefined) return undefined
  const found = choices.find(choice => choice === text)
  if (found === undefined) throw new UsageError(`--${name}`, text, `${suggestion(text, choices)}one of ${choices.join(', ')}`)
  return found
}

/** A date (2024-01-31), an ISO time (no zone means UTC), or epoch milliseconds. */
export function instantOption(context: VerbContext, name: string): number | undefined {
  const text = textOption(context, name)
  if (text === undefined) return undefined
  const remedy = 'write a date such as 2024-01-31, a time such as 2024-01-31T12:00Z, or epoch milliseconds'
  if (/^\d{11,14}$/.test(text)) return Number(text)
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text)
  const atMs = match ? Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`) : Number.NaN
  // Date.parse rolls 2024-02-31 over to March: such a day does not exist
  const dayMs = match ? Date.parse(`${match[1]}T00:00Z`) : Number.NaN
  const exists = Number.isFinite(dayMs) && new Date(dayMs).toISOString().slice(0, 10) === match?.[1]
  if (!Number.isFinite(atMs) || !exists) throw new UsageError(`--${name}`, text, remedy)
  return atMs
}
