// One bot: how it stands now, its chart and its books.

import { Tabs } from '@mantine/core'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import type { Bot, BotLiveStatus } from '../../../src/contract/bots.ts'
import { parseDcaConfig } from '../../../src/contract/dca-config.ts'
import type { TradeRow } from '../../../src/contract/trades.ts'
import { useRead } from '../client/queries.ts'
import { BotActions } from '../features/bots/bot-actions.tsx'
import '../features/bots/bots.css'
import { CloseDealDialog } from '../features/bots/close-deal-dialog.tsx'
import { decisionText, glance, ModeChip, PausedBy, StatusChip } from '../features/bots/status.tsx'
import { BalanceTab, DecisionsTab, EventsTab, VersionsTab } from '../features/bots/tabs.tsx'
import { describeBot } from '../features/dca/summary.ts'
import { DealDrawer } from '../features/deals/deal-drawer.tsx'
import { DealsTable } from '../features/deals/deals-table.tsx'
import { OrdersTable } from '../features/orders/orders-table.tsx'
import { BotParity } from '../features/parity/bot-parity.tsx'
import { parityOf } from '../features/parity/deal-parity.tsx'
import { Faces, Failed, Stale } from '../ui/faces.tsx'
import { Figure, Result, Time } from '../ui/figure.tsx'
import { DASH, duration, money, percent } from '../ui/format.ts'
import { useMore } from '../ui/more.tsx'
import { BotCharts } from './bot-charts.tsx'

export function BotPage() {
  const { botId } = useParams({ from: '/bots/$botId' })
  const query = useRead('getBot', { params: { id: botId } }, { everyMs: 10_000 })
  return (
    <Faces query={query} what="The bot" rows={8} quiet>
      {bot => <BotView bot={bot} />}
    </Faces>
  )
}

function describe(config: unknown): readonly string[] {
  const parsed = parseDcaConfig(config)
  return parsed.ok ? describeBot(parsed.config) : []
}

function BotView({ bot: stored }: { bot: Bot }) {
  const navigate = useNavigate()
  const live = useRead('botStatus', { params: { id: stored.botId } }, { everyMs: 5_000 })
  const status = live.data?.status ?? stored.status
  const bot = { ...stored, status }
  const decision = decisionText(live.data?.lastDecision)
  return (
    <>
      <div className="botHead">
        <div>
          <p className="dim small" style={{ margin: 0 }}>
            <Link to="/bots" className="quiet">
              Bots
            </Link>
          </p>
          <h1>{bot.name}</h1>
          <div className="chips" style={{ alignItems: 'center' }}>
            <StatusChip status={status} />
            <ModeChip mode={live.data?.mode ?? 'paper'} />
            <span className="dim small">
              {glance(bot.config).pairs.join(', ')} · {bot.interval} · version {bot.version}
            </span>
            {live.data?.simulatedAt && (
              <span className="dim small num">
                market time <Time iso={live.data.simulatedAt} />
              </span>
            )}
            <PausedBy by={live.data?.pausedBy ?? bot.pausedBy} />
          </div>
        </div>
        <BotActions
          bot={bot}
          openDeals={live.data?.openPositions ?? 0}
          size="sm"
          onDeleted={() => void navigate({ to: '/bots' })}
        />
      </div>
      {status === 'error' && bot.lastError && (
        <Failed error={{ message: bot.lastError }} what="The bot has stopped on an error" />
      )}
      {live.data === undefined && live.isError ? (
        <Failed error={live.error} what="How it stands" retry={() => void live.refetch()} />
      ) : (
        <>
          <Stale query={live} />
          <LiveFigures bot={bot} live={live.data} />
          {decision && (
            <p className="dim small" style={{ margin: '-6px 0 14px' }} data-testid="last-decision">
              Last decision {decision.at && <Time iso={decision.at} />}: {decision.reason}
            </p>
          )}
        </>
      )}
      <BotCharts bot={bot} live={live.data} />
      <BotTabs bot={bot} />
    </>
  )
}

function LiveFigures({ bot, live }: { bot: Bot; live: BotLiveStatus | undefined }) {
  const { pairs, maxActiveDeals } = glance(bot.config)
  const quote = pairs[0]?.split('/')[1] ?? ''
  const funds = useRead('botFunds', { params: { id: bot.botId } }, { everyMs: 10_000 })
  const cash = funds.data?.items.find(row => row.currency === quote)
  const active = bot.status === 'running' || bot.status === 'paused' || bot.status === 'stopping' || bot.status === 'starting'
  return (
    <dl className="waterline" data-testid="figures">
      <Figure label={`Equity, ${quote}`} hint="Cash and what the coins are worth">
        {money(live?.equity)}
      </Figure>
      <Figure label="Result">
        <Result value={live?.totalPnl} />
      </Figure>
      <Figure label="Return">
        <Result value={live?.totalReturnPct} how={value => percent(value)} />
      </Figure>
      <Figure label="Realised">
        <Result value={live?.realizedPnl} />
      </Figure>
      <Figure label="Open result">
        <Result value={live?.unrealizedPnl} />
      </Figure>
      <Figure label="Free">{money(cash?.free)}</Figure>
      <Figure label="Locked" hint="Set aside for orders of open deals">
        {money(cash?.locked)}
      </Figure>
      <Figure label="Deals">
        {live ? live.openPositions : DASH} of {maxActiveDeals ?? DASH}
      </Figure>
      <Figure label="Sign of life" hint="How long ago the worker wrote that it runs">
        {active ? (live?.heartbeatAgeSec == null ? DASH : `${duration(live.heartbeatAgeSec)} ago`) : 'at rest'}
      </Figure>
    </dl>
  )
}

const TABS = [
  ['deals', 'Deals'],
  ['orders', 'Orders'],
  ['decisions', 'Decisions'],
  ['events', 'Events'],
  ['balance', 'Balance'],
  ['parity', 'Parity'],
  ['config', 'Config'],
] as const

function BotTabs({ bot }: { bot: Bot }) {
  const { tab } = useSearch({ from: '/bots/$botId' })
  const navigate = useNavigate()
  const several = glance(bot.config).pairs.length > 1
  const active = TABS.some(([id]) => id === tab) ? (tab as string) : 'deals'
  return (
    <div className="panel">
      <Tabs
        value={active}
        keepMounted={false}
        onChange={next =>
          void navigate({
            to: '/bots/$botId',
            params: { botId: bot.botId },
            search: next === null || next === 'deals' ? {} : { tab: next },
            replace: true,
            resetScroll: false,
          })
        }
      >
        <div className="scroll">
          <Tabs.List px={8} style={{ flexWrap: 'nowrap' }}>
            {TABS.map(([id, label]) => (
              <Tabs.Tab key={id} value={id}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </div>
        <Tabs.Panel value="deals">
          <DealsTab bot={bot} />
        </Tabs.Panel>
        <Tabs.Panel value="orders">
          <OrdersTab bot={bot} several={several} />
        </Tabs.Panel>
        <Tabs.Panel value="decisions">
          <DecisionsTab bot={bot} several={several} />
        </Tabs.Panel>
        <Tabs.Panel value="events">
          <EventsTab bot={bot} />
        </Tabs.Panel>
        <Tabs.Panel value="balance">
          <BalanceTab bot={bot} />
        </Tabs.Panel>
        <Tabs.Panel value="parity">
          <BotParity bot={bot} />
        </Tabs.Panel>
        <Tabs.Panel value="config">
          <VersionsTab bot={bot} describe={describe} />
        </Tabs.Panel>
      </Tabs>
    </div>
  )
}

function DealsTab({ bot }: { bot: Bot }) {
  const { limit, more } = useMore()
  const deals = useRead('botTrades', { params: { id: bot.botId }, query: { limit } }, { everyMs: 10_000, keepPrevious: true })
  const positions = useRead('botPositions', { params: { id: bot.botId }, query: { limit: 100 } }, { everyMs: 10_000 })
  const [open, setOpen] = useState<string | null>(null)
  const [closing, setClosing] = useState<TradeRow | null>(null)
  const held = positions.data?.items ?? []
  const unrealized = new Map(held.map(one => [one.tradeId, one.unrealizedPnl]))
  return (
    <>
      <Faces query={deals} what="The deals">
        {({ items, nextCursor }) => (
          <>
            <DealsTable
              deals={items.filter(one => one.parentTradeId === null)}
              unrealized={unrealized}
              onOpen={deal => setOpen(deal.id)}
              onClose={setClosing}
            />
            {more(nextCursor)}
          </>
        )}
      </Faces>
      <DealDrawer dealId={open} onClose={() => setOpen(null)} beside={parityOf} />
      <CloseDealDialog deal={closing} position={held.find(one => one.tradeId === closing?.id)} onClose={() => setClosing(null)} />
    </>
  )
}

function OrdersTab({ bot, several }: { bot: Bot; several: boolean }) {
  const { limit, more } = useMore()
  const query = useRead('botOrders', { params: { id: bot.botId }, query: { limit } }, { everyMs: 10_000, keepPrevious: true })
  return (
    <Faces query={query} what="The orders">
      {({ items, nextCursor }) => (
        <>
          <OrdersTable orders={items} several={several} />
          {more(nextCursor)}
        </>
      )}
    </Faces>
  )
}
