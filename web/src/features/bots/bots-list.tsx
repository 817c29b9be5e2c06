// All bots, one row each: what it is, how it stands, what it did last, and what one may do now.

import { Link } from '@tanstack/react-router'
import type { Bot } from '../../../../src/contract/bots.ts'
import { useRead } from '../../client/queries.ts'
import { Result, Time } from '../../ui/figure.tsx'
import { DASH, duration, percent } from '../../ui/format.ts'
import { BotActions } from './bot-actions.tsx'
import './bots.css'
import { decisionText, glance, ModeChip, PausedBy, StatusChip } from './status.tsx'

const STALE_HEARTBEAT_SEC = 30

export function BotsList({ bots }: { bots: readonly Bot[] }) {
  return (
    <ul className="botList">
      {bots.map(bot => (
        <BotRow key={bot.botId} bot={bot} />
      ))}
    </ul>
  )
}

function BotRow({ bot }: { bot: Bot }) {
  const query = useRead('botStatus', { params: { id: bot.botId } }, { everyMs: 10_000 })
  const live = query.data
  const { pairs, maxActiveDeals } = glance(bot.config)
  const quote = pairs[0]?.split('/')[1] ?? ''
  const decision = decisionText(live?.lastDecision)
  const status = live?.status ?? bot.status
  const active = status === 'running' || status === 'starting' || status === 'paused' || status === 'stopping'
  const age = live?.heartbeatAgeSec ?? null
  return (
    <li className="panel botRow" data-bot={bot.botId}>
      <div className="botName">
        <Link to="/bots/$botId" params={{ botId: bot.botId }}>
          {bot.name}
        </Link>
        <p className="dim small">
          {pairs.slice(0, 3).join(', ')}
          {pairs.length > 3 ? ` and ${pairs.length - 3} more` : ''} · {bot.interval}
        </p>
      </div>
      <div className="botState">
        <div className="chips">
          <StatusChip status={status} />
          <ModeChip mode={live?.mode ?? 'paper'} />
        </div>
        <PausedBy by={live?.pausedBy ?? bot.pausedBy} />
        {active && age !== null && (
          <span className={`small ${age > STALE_HEARTBEAT_SEC ? 'loss' : 'dim'}`}>
            {age > STALE_HEARTBEAT_SEC ? `No sign of life for ${duration(age)}` : `Sign of life ${duration(age)} ago`}
          </span>
        )}
      </div>
      <div className="botResult">
        <span className="cellName">Result</span>
        <strong>
          <Result value={live?.totalPnl} unit={quote} />
        </strong>
        <span className="small dim num">{percent(live?.totalReturnPct)}</span>
      </div>
      <div className="botDeals">
        <span className="cellName">Deals</span>
        <span className="num">
          {live ? live.openPositions : DASH} of {maxActiveDeals ?? DASH}
        </span>
      </div>
      <div className="botReason">
        <span className="cellName">Last decision {decision?.at && <Time iso={decision.at} />}</span>
        <span className="small">
          {bot.lastError && status === 'error' ? (
            <span className="loss">{bot.lastError}</span>
          ) : decision ? (
            decision.reason
          ) : (
            <span className="dim">{status === 'inactive' ? 'none yet' : DASH}</span>
          )}
        </span>
      </div>
      <div className="botActions">
        <BotActions bot={{ ...bot, status }} openDeals={live?.openPositions ?? 0} />
      </div>
    </li>
  )
}
