// The two streams of pg-copy-streams that are used here; the package carries no types.

declare module 'pg-copy-streams' {
  import type { Readable, Writable } from 'node:stream'
  import type { Submittable } from 'pg'

  export function to(text: string, options?: { highWaterMark?: number }): Readable & Submittable & { readonly rowCount: number }
  export function from(text: string, options?: { highWaterMark?: number }): Writable & Submittable & { readonly rowCount: number }
}
