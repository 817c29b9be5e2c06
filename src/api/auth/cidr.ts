// Address ranges a token may be used from.

import { BlockList, isIP } from 'node:net'

export interface Cidr {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a single address; null for anything else. */
export function parseCidr(text: string): Cidr | null {
  const [address = '', prefixText, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0 || address.includes('%')) return null
  const longest = version === 4 ? 32 : 128
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return null
  const prefix = prefixText === undefined ? longest : Number(prefixText)
  if (prefix > longest) return null
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
}

/** No ranges: any address. A range that cannot be read lets nobody in. */
export function addressAllowed(ip: string, ranges: readonly string[]): boolean {
  if (ranges.length === 0) return true
  const plain = ip.startsWith('::ffff:') && isIP(ip.slice(7)) === 4 ? ip.slice(7) : ip
  const version = isIP(plain)
  if (version === 0) return false
  const list = new BlockList()
  for (const text of ranges) {
    const range = parseCidr(text)
    if (!range) return false
    list.addSubnet(range.address, range.prefix, range.family)
  }
  return list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
}
