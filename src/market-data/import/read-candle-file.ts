// A candle file, whatever its dress: CSV, JSON, gzip or zip around them. It is read whole or refused whole.

import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, inflateRaw } from 'node:zlib'
import { CandleFileError } from './candle-file-error.ts'
import { parseCsv } from './csv.ts'
import { dataHash } from './data-hash.ts'
import { parseJsonRows } from './json-rows.ts'
import { type Series, type SeriesOptions, seriesFromRows } from './series.ts'

export type { SeriesOptions } from './series.ts'

export interface CandleFile extends Series {
  readonly file: string
  /** `dataHash` of the columns. */
  readonly hash: string
  /** Most decimal places of any price: what the tick may be. */
  readonly priceDecimals: number
}

/** Unpacked size beyond which a file is refused: about 30 M bars as text. */
const MAX_BYTES = 2 ** 31 - 1

const gunzipAsync = promisify(gunzip)
const inflateRawAsync = promisify(inflateRaw)

/**
 * @param source path of a file, or its bytes.
 * @param name for messages where bytes are given.
 * @throws CandleFileError with every bad row's line and reason; nothing of such a file is used.
 */
export async function readCandleFile(
  source: string | Uint8Array,
  options: SeriesOptions = {},
  name = 'candles',
): Promise<CandleFile> {
  const file = typeof source === 'string' ? basename(source) : name
  const bytes = await unpack(file, typeof source === 'string' ? await load(source) : source)
  const rows = isJson(bytes) ? parseJsonRows(file, new TextDecoder().decode(bytes)) : parseCsv(file, bytes)
  const series = seriesFromRows(file, rows, { nowMs: Date.now(), ...options })
  return { ...series, file, hash: dataHash(series.columns), priceDecimals: rows.priceDecimals }
}

async function load(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const why =
      code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'not readable' : code === 'EISDIR' ? 'a directory' : String(cause)
    throw new CandleFileError(path, [{ line: 0, reason: `cannot be read: ${why}` }], 1, cause, 2)
  }
}

function isJson(bytes: Uint8Array): boolean {
  const first = bytes.find(byte => byte !== 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte < 0x80)
  return first === 0x5b || first === 0x7b
}

async function unpack(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
  if (!gzip && !zip) return bytes
  try {
    return gzip ? await gunzipAsync(bytes, { maxOutputLength: MAX_BYTES }) : await unzipOnly(bytes)
  } catch (cause) {
    const reason = `${gzip ? 'gzip' : 'zip'} cannot be unpacked: ${cause instanceof Error ? cause.message : cause}`
    throw new CandleFileError(file, [{ line: 0, reason }], 1, cause)
  }
}

/** The one file of a zip, as the exchanges' archives are; its place is told by the directory at the end (APPNOTE.TXT 4.3). */
async function unzipOnly(bytes: Uint8Array): Promise<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let end = bytes.length - 22
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1
  if (end < 0) throw new Error('its directory is missing')
  const files = view.getUint16(end + 10, true)
  if (files !== 1) throw new Error(`it holds ${files} files: unpack it and name one`)
  const entry = view.getUint32(end + 16, true)
  const method = view.getUint16(entry + 10, true)
  const packed = view.getUint32(entry + 20, true)
  const local = view.getUint32(entry + 42, true)
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
  const content = bytes.subarray(start, start + packed)
  if (method === 0) return content
  if (method !== 8) throw new Error(`compression method ${method} is not supported`)
  return inflateRawAsync(content, { maxOutputLength: MAX_BYTES })
}
