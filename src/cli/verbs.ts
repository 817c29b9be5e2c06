// The verbs of the command line. Each is loaded only when it is called, so that --help and short verbs start in a few ms.
// To add one: a file that exports its Verb (or VerbGroup) as `verb`, and a line here.

import type { Verb, VerbGroup } from './verb.ts'

export interface RegisteredVerb {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly summary: string
  load(): Promise<{ readonly verb: Verb | VerbGroup }>
}

export const VERBS: readonly RegisteredVerb[] = [
  {
    name: 'candles',
    aliases: ['data'],
    summary: 'import, export, list, verify and delete price history',
    load: () => import('./candles.ts'),
  },
  { name: 'start', summary: 'serve the web UI, the API and the bots', load: () => import('./start.ts') },
  { name: 'bots', summary: 'list bots, and start, pause, resume or stop them', load: () => import('./bots.ts') },
  { name: 'migrate', summary: 'bring the database schema up to this version', load: () => import('./migrate.ts') },
  { name: 'verify', summary: 'check schema, policies, ledger and isolation; writes nothing', load: () => import('./verify.ts') },
  { name: 'doctor', summary: 'check the instance; every trouble with its remedy', load: () => import('./doctor.ts') },
  { name: 'kill-switch', summary: 'stop new exposure at once, or allow it again', load: () => import('./kill-switch.ts') },
  { name: 'openapi', summary: 'print the OpenAPI document of the HTTP API', load: () => import('./openapi.ts') },
  { name: 'backtest', summary: 'run a bot over candles', load: () => import('./backtest.ts') },
  {
    name: 'ledger',
    summary: 'prove the books: recompute everything from fills and transfers',
    load: () => import('./ledger.ts'),
  },
  { name: 'replay', summary: 'replay a recorded run and compare every decision', load: () => import('./replay.ts') },
  { name: 'parity', summary: 'compare closed deals with their simulation', load: () => import('./parity.ts') },
  {
    name: 'crash-lab',
    summary: 'try bots against a lying exchange, a failing database and dying workers',
    load: () => import('./crash-lab.ts'),
  },
  { name: 'ladder', summary: 'preview the safety orders of a bot at a price', load: () => import('./ladder.ts') },
  { name: 'indicator', summary: 'compute an indicator over a candle file', load: () => import('./indicator.ts') },
]

export function findVerb(name: string): RegisteredVerb | undefined {
  return VERBS.find(verb => verb.name === name || verb.aliases?.includes(name))
}
