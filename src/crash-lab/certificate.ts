// What a clean run proves, on paper: what was told, how often each fault struck, and in plain words what follows from it and what not.

import { FAULTS, type FaultName } from './faults.ts'
import { INVARIANTS, NOT_WATCHED } from './invariants/index.ts'
import type { Tally } from './tally.ts'

export interface Certificate {
  /** SHA-256 of the bot's configuration in canonical form; null for the laboratory's own bots. */
  readonly botHash: string | null
  readonly engineVersion: string
  readonly seeds: readonly [number, number]
  readonly mode: 'fast' | 'deep'
  readonly kills: string
  /** Whether deals had to be asked for by command. */
  readonly usesCommands: boolean
  readonly tally: Tally
}

export function certificateLines(certificate: Certificate): string[] {
  const { tally, seeds, botHash, usesCommands } = certificate
  const strikes = Object.entries(tally.strikes).toSorted(([, a], [, b]) => b - a)
  const width = Math.max(0, ...strikes.map(([name]) => name.length))
  return [
    `Crash lab certificate, engine ${certificate.engineVersion}, ${certificate.mode} mode`,
    botHash === null ? 'Bots: those of the laboratory' : `Bot: configuration sha256 ${botHash}`,
    `Stories: ${tally.stories} (seeds ${seeds[0]} to ${seeds[1]}, kills: ${certificate.kills})`,
    `In them: ${tally.deals} deals, ${tally.orders} orders, ${tally.fills} executions, ${tally.commits} transactions, ${tally.kills} killed workers out of ${tally.killPoints} places where one could die`,
    ...(usesCommands
      ? ['Deals were started by command where its own conditions did not: those conditions ran, on the market of the laboratory.']
      : []),
    `Faults that struck (${strikes.reduce((sum, [, times]) => sum + times, 0)}):`,
    ...strikes.map(([name, times]) => `  ${name.padEnd(width)} ${String(times).padStart(6)}  ${FAULTS[name as FaultName].about}`),
    `Invariants that held at every event (${INVARIANTS.length}):`,
    ...INVARIANTS.map(({ number, name }) => `  ${String(number).padStart(2)} ${name}`),
    'Not looked at:',
    ...NOT_WATCHED.map(({ number, name, reason }) => `  ${String(number).padStart(2)} ${name}: ${reason}`),
    'What this shows: in these stories no order was doubled or lost, no execution booked twice or forgotten, the books agreed with the',
    'exchange, and after the last fault everything came to rest by itself. Each story can be told again from its seed.',
    'What it does not show: that the bot earns money, that a real exchange has no way of failing which is not listed here, or that the',
    'code between this platform and a particular exchange is right. It is a test of many thousand cases, not a proof of all.',
  ]
}
