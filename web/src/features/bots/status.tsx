// A bot's state in a word and a sign.

import type { Bot } from '../../../../src/contract/bots.ts'

type Status = Bot['status']

const FACES: Readonly<Record<Status, { word: string; sign: string; tone: string }>> = {
  inactive: { word: 'Not started', sign: '○', tone: '' },
  starting: { word: 'Starting', sign: '◔', tone: 'petrol' },
  running: { word: 'Running', sign: '●', tone: 'gain' },
  paused: { word: 'Paused', sign: '‖', tone: 'brass' },
  stopping: { word: 'Stopping', sign: '◑', tone: 'brass' },
  stopped: { word: 'Stopped', sign: '■', tone: '' },
  error: { word: 'Error', sign: '▲', tone: 'loss' },
}

export function StatusChip({ status }: { status: Status }) {
  const face = FACES[status]
  return (
    <span className={`chip ${face.tone}`} data-status={status}>
      <span aria-hidden="true">{face.sign}</span> {face.word}
    </span>
  )
}

export function ModeChip({ mode }: { mode: 'paper' | 'live' | 'backtest' | null }) {
  if (mode === 'live') return <span className="chip loss">Live</span>
  return (
    <span className="chip brass" title="Play money at real rules">
      Test
    </span>
  )
}

const PAUSED_BY: Readonly<Record<string, string>> = {
  user: 'you',
  regime: 'the bear market filter',
  brake: 'the circuit breaker',
  protection: 'its stop loss',
  stale_data: 'missing candles',
  kill_switch: 'the kill switch',
}

/** What holds the bot back from buying; exits go on. */
export function PausedBy({ by }: { by: readonly string[] }) {
  if (by.length === 0) return null
  return <span className="small brassText">Paused by {by.map(one => PAUSED_BY[one] ?? one).join(', ')}</span>
}

/** What the API answers as the last decision, as far as it can be told. */
export function decisionText(decision: unknown): { reason: string; at: string | null } | null {
  if (decision === null || typeof decision !== 'object') return null
  const { reason, outcome, decidedAt } = decision as Record<string, unknown>
  const said = typeof reason === 'string' && reason !== '' ? reason : typeof outcome === 'string' ? outcome : null
  return said === null
    ? null
    : { reason: said.charAt(0).toUpperCase() + said.slice(1), at: typeof decidedAt === 'string' ? decidedAt : null }
}

/** What a bot's config says of itself where only a glance is needed. */
export function glance(config: unknown): { pairs: string[]; maxActiveDeals: number | null; exchange: string; timeframe: string } {
  const known = (config ?? {}) as Record<string, unknown>
  return {
    pairs: Array.isArray(known['pairs']) ? known['pairs'].map(String) : [],
    maxActiveDeals: typeof known['maxActiveDeals'] === 'number' ? known['maxActiveDeals'] : 1,
    exchange: String(known['exchange'] ?? ''),
    timeframe: String(known['timeframe'] ?? '1h'),
  }
}
