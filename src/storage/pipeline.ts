// One transaction in one round trip: every statement is bound and executed before a single Sync, so that the server answers all
// at once and, after the first error, skips the rest. Statements are prepared by name once per connection. Compared with one
// round trip per statement this is what makes a commit of a run cheap (src/storage/run-commit-bench.ts has the figures).

import type pg from 'pg'

export interface PipelineStatement {
  /** Unique for its text over the whole program. */
  readonly name: string
  readonly text: string
  readonly values: readonly (string | number | null)[]
}

export interface PipelineResult {
  /** Command tags such as `INSERT 0 1`, one per statement. */
  readonly tags: readonly string[]
  /** Rows of each statement, columns as text in the order of the select list. */
  readonly rows: readonly (readonly (string | null)[])[][]
}

interface WireConnection {
  readonly stream: { cork?(): void; uncork?(): void }
  parse(message: { name: string; text: string; types: readonly number[] }): void
  bind(message: { portal: string; statement: string; values: readonly (string | null)[] }): void
  execute(message: { portal: string; rows: number }): void
  close(message: { type: 'S'; name: string }): void
  sync(): void
}

const PREPARED = new WeakMap<object, Set<string>>()

/** Speaks the extended protocol through the driver's Submittable interface. */
class Pipeline {
  private readonly statements: readonly PipelineStatement[]
  private readonly settle: (error: Error | null, result: PipelineResult | null) => void
  private readonly tags: string[] = []
  private readonly rows: (string | null)[][][]
  private error: Error | null = null
  private newlyParsed: { name: string; index: number }[] = []

  constructor(statements: readonly PipelineStatement[], settle: (error: Error | null, result: PipelineResult | null) => void) {
    this.statements = statements
    this.settle = settle
    this.rows = statements.map(() => [])
  }

  submit(connection: WireConnection): void {
    const prepared = PREPARED.get(connection) ?? new Set<string>()
    PREPARED.set(connection, prepared)
    connection.stream.cork?.()
    try {
      this.statements.forEach((statement, index) => {
        if (!prepared.has(statement.name)) {
          // After a failed batch it is unknown whether the name exists; closing an unknown one is no error.
          connection.close({ type: 'S', name: statement.name })
          connection.parse({ name: statement.name, text: statement.text, types: [] })
          prepared.add(statement.name)
          this.newlyParsed.push({ name: statement.name, index })
        }
        connection.bind({
          portal: '',
          statement: statement.name,
          values: statement.values.map(value => (value === null ? null : String(value))),
        })
        connection.execute({ portal: '', rows: 0 })
      })
      connection.sync()
    } finally {
      connection.stream.uncork?.()
    }
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.rows[this.tags.length]?.push(message.fields)
  }

  handleCommandComplete(message: { text: string }): void {
    this.tags.push(message.text)
  }

  handleEmptyQuery(): void {
    this.tags.push('')
  }

  handleError(error: Error, connection?: object): void {
    const prepared = connection ? PREPARED.get(connection) : undefined
    for (const { name, index } of this.newlyParsed) if (index >= this.tags.length) prepared?.delete(name)
    this.error ??= error
    this.settle(this.error, null)
  }

  handleReadyForQuery(): void {
    this.settle(null, { tags: this.tags, rows: this.rows })
  }

  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}

/**
 * Runs the statements in one round trip. They must bring their own begin and commit.
 * @throws the server's error of the first statement that failed; the transaction is then still open and aborted.
 */
export function runPipeline(client: pg.ClientBase, statements: readonly PipelineStatement[]): Promise<PipelineResult> {
  return new Promise((resolve, reject) => {
    const pipeline = new Pipeline(statements, (error, result) => {
      if (error) reject(error)
      else resolve(result!)
    })
    client.query(pipeline as unknown as pg.Submittable)
  })
}
