// What our records have missed of what happened at the venue (execution.md 7): one report in, the steps that are owed out. The same report
// again owes nothing, and neither does the next one once the steps are taken.

import { compareHoldings } from './compare-holdings.ts'
import { compareOrders } from './compare-orders.ts'
import { fillKey } from './evidence.ts'
import type { OurSide, ReconcileMemory, Reconciliation, VenueReport } from './report.ts'

export function missingEvents(ours: OurSide, report: VenueReport, memory: ReconcileMemory): Reconciliation {
  if (report.id <= memory.reportId) return nothing(memory)
  const orders = compareOrders(ours, report, memory)
  const account = orders.unsettled.size > 0 || orders.probes.length > 0
  const holdings = compareHoldings(ours, report, memory, {
    symbols: orders.unsettled,
    account,
    isSettling: orders.isSettling || orders.probes.length > 0,
    foreignFills: orders.foreignFills,
  })
  const next: ReconcileMemory = {
    reportId: report.id,
    misses: orders.misses,
    foreign: [...orders.foreign],
    adopted: [...orders.adopted],
    differences: holdings.differences,
  }
  return {
    events: [...orders.fills, ...orders.orders, ...orders.unrecorded, ...holdings.events],
    probes: orders.probes,
    memory: next,
    words: orders.words,
    foreignFills: new Set(orders.foreignFills.map(fill => fillKey(fill.symbol, fill.venueFillId))),
    openDifferences: openDifferences(next, orders.probes.length),
  }
}

function nothing(memory: ReconcileMemory): Reconciliation {
  return {
    events: [],
    probes: [],
    memory,
    words: new Map(),
    foreignFills: new Set(),
    openDifferences: openDifferences(memory, 0),
  }
}

/** A first miss is no difference yet: listings lag behind. */
function openDifferences(memory: ReconcileMemory, probes: number): number {
  return Object.keys(memory.differences).length + probes
}
