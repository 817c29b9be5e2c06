// All deals of all bots; what is filtered decides the totals.

import { Group, Select } from '@mantine/core'
import { useState } from 'react'
import { useRead } from '../client/queries.ts'
import { DealDrawer } from '../features/deals/deal-drawer.tsx'
import { DealsTable } from '../features/deals/deals-table.tsx'
import { HoldingsPanel } from '../features/deals/holdings.tsx'
import { parityOf } from '../features/parity/deal-parity.tsx'
import { Faces } from '../ui/faces.tsx'
import { Figure, Result } from '../ui/figure.tsx'
import { money, percent } from '../ui/format.ts'
import { useMore } from '../ui/more.tsx'

export function DealsPage() {
  const [status, setStatus] = useState('all')
  const [botId, setBotId] = useState<string | null>(null)
  const [open, setOpen] = useState<string | null>(null)
  const { limit, more } = useMore()
  const filter = {
    ...(status === 'all' ? {} : { status: status as 'open' | 'closed' }),
    ...(botId === null ? {} : { botId }),
    tradeType: 'paper' as const,
  }
  const bots = useRead('listBots', { query: { limit: 500 } })
  const deals = useRead('listTrades', { query: { limit, ...filter } }, { everyMs: 10_000, keepPrevious: true })
  const summary = useRead('tradeSummary', { query: filter }, { everyMs: 10_000, keepPrevious: true })
  const positions = useRead('listPositions', { query: { limit: 500 } }, { everyMs: 10_000 })
  const names = new Map((bots.data?.items ?? []).map(bot => [bot.botId, bot.name]))
  const unrealized = new Map((positions.data?.items ?? []).map(one => [one.tradeId, one.unrealizedPnl]))
  return (
    <>
      <Group justify="space-between" align="flex-end" mb="md">
        <h1 style={{ margin: 0 }}>Deals</h1>
        <Group gap="sm" align="flex-end">
          <Select
            aria-label="Bot"
            placeholder="All bots"
            clearable
            data={[...names].map(([value, label]) => ({ value, label }))}
            value={botId}
            onChange={setBotId}
            w={210}
          />
          <Select
            aria-label="State"
            allowDeselect={false}
            data={[
              { value: 'all', label: 'All states' },
              { value: 'open', label: 'Open' },
              { value: 'closed', label: 'Closed' },
              { value: 'cancelled', label: 'Cancelled' },
            ]}
            value={status}
            onChange={next => setStatus(next ?? 'all')}
            w={140}
          />
        </Group>
      </Group>
      <Faces query={summary} what="The totals" rows={1}>
        {row => (
          <dl className="waterline">
            <Figure label="Net result of these">
              <Result value={row.netPnl} />
            </Figure>
            <Figure label="Deals">{row.trades}</Figure>
            <Figure label="Open">{row.open}</Figure>
            <Figure label="Won">{row.wins}</Figure>
            <Figure label="Lost">{row.losses}</Figure>
            <Figure label="Share won">{percent(row.winRate, 1)}</Figure>
            <Figure label="Profit factor">{money(row.profitFactor)}</Figure>
            <Figure label="Fees">{money(row.commission)}</Figure>
          </dl>
        )}
      </Faces>
      <div className="panel">
        <Faces query={deals} what="The deals" rows={6}>
          {({ items, nextCursor }) => (
            <>
              <DealsTable
                deals={items.filter(one => one.parentTradeId === null)}
                botNames={names}
                unrealized={unrealized}
                onOpen={deal => setOpen(deal.id)}
              />
              {more(nextCursor)}
            </>
          )}
        </Faces>
      </div>
      <HoldingsPanel />
      <DealDrawer dealId={open} onClose={() => setOpen(null)} beside={parityOf} />
    </>
  )
}
