// The venue's own rules of its instruments: read at a start and whenever an order was refused for them. A list that has shrunk by more
// than half is a broken answer, not a venue that has closed.

import { type Instrument, instrumentRules } from '../core/market/instrument.ts'
import type { Listing } from '../engine/venue.ts'
import type { AccountWriter } from './account-writer.ts'

/** Part of the known symbols that a list must still hold to be believed, percent. */
const LEAST_LISTED_PCT = 50

export async function stepInstruments(writer: AccountWriter, listing: Listing<Instrument>): Promise<void> {
  const listed = new Map(listing.rows.map(instrument => [instrument.symbol, instrument]))
  const known = new Set(writer.bots().flatMap(bot => bot.opened.prepared.pairs.map(pair => pair.symbol)))
  const there = [...known].filter(symbol => listed.has(symbol)).length
  const shrunk = listed.size * 100 < writer.listedInstruments * LEAST_LISTED_PCT
  if (!listing.complete || listed.size === 0 || shrunk) {
    writer.deps.log.error(
      { listed: listed.size, before: writer.listedInstruments, complete: listing.complete },
      "the venue's list of instruments is not believed: the known rules stay",
    )
    return
  }
  writer.listedInstruments = listed.size
  writer.unlisted = new Set([...known].filter(symbol => !listed.has(symbol)))
  if (there < known.size)
    writer.deps.log.error({ missing: [...known].filter(symbol => !listed.has(symbol)) }, 'the venue lists these pairs no more')
  for (const bot of writer.bots()) {
    const changed = [...bot.opened.instruments.values()].flatMap(ours => {
      const theirs = listed.get(ours.symbol)
      return theirs && textOf(theirs) !== textOf(ours) ? [theirs] : []
    })
    if (changed.length === 0) continue
    const rules = new Map([...bot.opened.instruments, ...changed.map(each => [each.symbol, each] as const)])
    bot.reopen(await writer.deps.openBot(bot.saved, rules))
    for (const instrument of changed)
      writer.step(bot, { kind: 'instrument_changed', atMs: writer.nowMs, rules: instrumentRules(instrument) })
  }
}

function textOf(instrument: Instrument): string {
  return JSON.stringify(instrumentRules(instrument))
}
