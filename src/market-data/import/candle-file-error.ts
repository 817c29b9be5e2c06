// Why a candle file is refused: each bad row with its line, the value that was found and what was expected.

export interface CandleFinding {
  /** Line of the text, or number of the row in a JSON list, from 1; 0 for the file as a whole. */
  readonly line: number
  readonly reason: string
}

/** So many findings are told; the count goes on. */
export const FINDINGS_SHOWN = 50

/** Collects what is wrong, in any order, without growing with a file that is wrong throughout. */
export class FindingList {
  count = 0
  readonly #kept: CandleFinding[] = []

  add(line: number, reason: string): void {
    this.count += 1
    if (this.#kept.length < 20 * FINDINGS_SHOWN) this.#kept.push({ line, reason })
  }

  /** The first ones by line. */
  first(): CandleFinding[] {
    return this.#kept.toSorted((a, b) => a.line - b.line).slice(0, FINDINGS_SHOWN)
  }
}

export class CandleFileError extends Error {
  readonly code = 'BAD_CANDLES'
  /** Exit code of a command that fails by it. */
  readonly exitCode: number
  readonly file: string
  /** The first of them, by line. */
  readonly findings: readonly CandleFinding[]
  /** All of them. */
  readonly findingCount: number
  readonly details: readonly { readonly path: string; readonly code: string; readonly message: string }[]

  constructor(file: string, findings: readonly CandleFinding[], findingCount: number, cause?: unknown, exitCode = 1) {
    const told = findings.slice(0, 10).map(finding => `  ${place(finding)}${finding.reason}`)
    const rest = findingCount - told.length
    const head = findings.length === 1 && findings[0]!.line === 0 ? `${file}: ${findings[0]!.reason}` : undefined
    super(
      head ??
        `${file}: ${findingCount} ${findingCount === 1 ? 'row' : 'rows'} refused, nothing was read\n${told.join('\n')}${rest > 0 ? `\n  and ${rest} more` : ''}`,
      cause === undefined ? undefined : { cause },
    )
    this.name = 'CandleFileError'
    this.exitCode = exitCode
    this.file = file
    this.findings = findings
    this.findingCount = findingCount
    this.details = findings.map(finding => ({ path: `${file}:${finding.line}`, code: 'BAD_CANDLES', message: finding.reason }))
  }
}

function place(finding: CandleFinding): string {
  return finding.line === 0 ? '' : `line ${finding.line}: `
}
