// COPY TO STDOUT without a stream object per row: takes the socket's bytes over from the driver for the length of one COPY and
// hands each message's payload to a function. For half a million bars this is three times as fast as a readable stream.

import type pg from 'pg'

const COPY_DATA = 0x64
const COPY_DONE = 0x63
const COPY_OUT_RESPONSE = 0x48
const NOTICE = 0x4e

interface WireStream {
  listeners(event: 'data'): ((chunk: Buffer) => void)[]
  on(event: 'data', listener: (chunk: Buffer) => void): void
  removeListener(event: 'data', listener: (chunk: Buffer) => void): void
}

interface WireConnection {
  readonly stream: WireStream
  query(text: string): void
}

class CopyReader {
  private readonly text: string
  private readonly onPayload: (bytes: Buffer, start: number, end: number) => void
  private readonly settle: (error: Error | null) => void
  private stream: WireStream | null = null
  private driver: ((chunk: Buffer) => void) | null = null
  private rest: Buffer | null = null
  private failure: Error | null = null

  constructor(
    text: string,
    onPayload: (bytes: Buffer, start: number, end: number) => void,
    settle: (error: Error | null) => void,
  ) {
    this.text = text
    this.onPayload = onPayload
    this.settle = settle
  }

  submit(connection: WireConnection): void {
    this.stream = connection.stream
    this.driver = this.stream.listeners('data')[0]!
    this.stream.removeListener('data', this.driver)
    this.stream.on('data', this.receive)
    connection.query(this.text)
  }

  private readonly receive = (chunk: Buffer): void => {
    const buffer = this.rest ? Buffer.concat([this.rest, chunk]) : chunk
    this.rest = null
    let at = 0
    while (at + 5 <= buffer.length) {
      const code = buffer[at]!
      const end = at + 1 + buffer.readUInt32BE(at + 1)
      if (code === COPY_DATA) {
        if (end > buffer.length) break
        if (!this.failure) {
          try {
            this.onPayload(buffer, at + 5, end)
          } catch (error) {
            // The server goes on sending; the rest is read and dropped, so that the connection stays usable.
            this.failure = error as Error
          }
        }
        at = end
      } else if (code === COPY_OUT_RESPONSE || code === NOTICE) {
        if (end > buffer.length) break
        at = end
      } else {
        if (code === COPY_DONE && end > buffer.length) break
        this.handBack(buffer.subarray(code === COPY_DONE ? end : at))
        return
      }
    }
    this.rest = at < buffer.length ? buffer.subarray(at) : null
  }

  /** The driver reads on: CommandComplete and ReadyForQuery, or the error. */
  private handBack(bytes: Buffer): void {
    this.stream!.removeListener('data', this.receive)
    this.stream!.on('data', this.driver!)
    const { driver } = this
    this.stream = null
    if (bytes.length > 0) driver!(bytes)
  }

  handleError(error: Error): void {
    if (this.stream) this.handBack(Buffer.alloc(0))
    this.settle(error)
  }

  handleReadyForQuery(): void {
    this.settle(this.failure)
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}

/** Runs `copy ... to stdout`; `onPayload` gets each row's bytes, valid only during the call. */
export function readCopy(
  client: pg.ClientBase,
  text: string,
  onPayload: (bytes: Buffer, start: number, end: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new CopyReader(text, onPayload, error => {
      if (error) reject(error)
      else resolve()
    })
    client.query(reader as unknown as pg.Submittable)
  })
}
