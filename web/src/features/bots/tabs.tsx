// The tabs of a bot's page that are about the bot alone; each reads only while it is open.

import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { Bot } from '../../../../src/contract/bots.ts'
import type { PositionRow } from '../../../../src/contract/positions.ts'
import { useRead } from '../../client/queries.ts'
import { Empty, Faces } from '../../ui/faces.tsx'
import { Figure, Figures, Result, Time } from '../../ui/figure.tsx'
import { money, percent, price, quantity } from '../../ui/format.ts'
import { useMore } from '../../ui/more.tsx'
import { Scroll } from '../../ui/scroll.tsx'
import { DecisionsList } from './decisions.tsx'
import { EventsTable } from './events.tsx'
import { LedgerAccounts } from './ledger.tsx'

const OUTCOME_FILTERS = [
  { value: 'all', label: 'All' },
  { value: 'entered', label: 'Bought' },
  { value: 'averaged', label: 'Averaged' },
  { value: 'exited', label: 'Sold' },
  { value: 'blocked', label: 'Blocked' },
]

export function DecisionsTab({ bot, several }: { bot: Bot; several: boolean }) {
  const [outcome, setOutcome] = useState('all')
  const { limit, more } = useMore()
  const query = useRead(
    'botDecisions',
    { params: { id: bot.botId }, query: { limit, ...(outcome === 'all' ? {} : { outcome: outcome as 'entered' }) } },
    { everyMs: 10_000, keepPrevious: true },
  )
  return (
    <>
      <div className="scroll" style={{ padding: '10px 16px 0' }}>
        <SegmentedControl size="xs" aria-label="Which decisions" data={OUTCOME_FILTERS} value={outcome} onChange={setOutcome} />
      </div>
      <Faces query={query} what="The decisions">
        {({ items, nextCursor }) => (
          <>
            <DecisionsList decisions={items} several={several} />
            {more(nextCursor)}
          </>
        )}
      </Faces>
    </>
  )
}

export function EventsTab({ bot }: { bot: Bot }) {
  const { limit, more } = useMore()
  const query = useRead('botLogs', { params: { id: bot.botId }, query: { limit } }, { everyMs: 10_000, keepPrevious: true })
  return (
    <Faces query={query} what="The events">
      {({ items, nextCursor }) => (
        <>
          <EventsTable events={items} />
          {more(nextCursor)}
        </>
      )}
    </Faces>
  )
}

export function BalanceTab({ bot }: { bot: Bot }) {
  const funds = useRead('botFunds', { params: { id: bot.botId } }, { everyMs: 10_000 })
  const positions = useRead('botPositions', { params: { id: bot.botId }, query: { limit: 200 } }, { everyMs: 10_000 })
  const metrics = useRead('botMetrics', { params: { id: bot.botId } }, { everyMs: 10_000 })
  return (
    <div className="panelBody">
      <h3 style={{ marginTop: 0 }}>Funds</h3>
      <Faces query={funds} what="The funds">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No funds yet">They are set aside when a test starts.</Empty>
          ) : (
            <Scroll label="Funds">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Currency</th>
                    <th className="r">Free</th>
                    <th className="r">Locked for deals</th>
                    <th className="r">Total</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map(row => (
                    <tr key={`${row.exchange} ${row.currency}`}>
                      <td>{row.currency}</td>
                      <td className="r">{quantity(row.free)}</td>
                      <td className="r">{quantity(row.locked)}</td>
                      <td className="r">{quantity(row.total)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Faces>
      <h3>Coins of open deals</h3>
      <Faces query={positions} what="The coins">
        {({ items }) => (items.length === 0 ? <p className="dim">None now.</p> : <Coins positions={items} />)}
      </Faces>
      <h3>Results of the last run</h3>
      <Faces query={metrics} what="The results">
        {row =>
          row === null ? (
            <Empty title="No result yet">It is counted when the first deal closes.</Empty>
          ) : (
            <Figures>
              <Figure label="Closed deals">{row.totalTrades ?? '–'}</Figure>
              <Figure label="Won">{percent(row.winRate, 1)}</Figure>
              <Figure label="Profit factor" hint="Gains divided by losses">
                {money(row.profitFactor)}
              </Figure>
              <Figure label="Deepest fall of equity">{percent(row.maxDrawdown)}</Figure>
              <Figure label="Mean gain">{money(row.avgWin)}</Figure>
              <Figure label="Mean loss">{money(row.avgLoss)}</Figure>
              <Figure label="Sharpe" hint="Daily returns, a year has 365 days">
                {money(row.sharpeRatio)}
              </Figure>
              <Figure label="Counted">
                <Time iso={row.calculatedAt} />
              </Figure>
            </Figures>
          )
        }
      </Faces>
      <h3>Ledger accounts</h3>
      <LedgerAccounts bot={bot} />
    </div>
  )
}

function Coins({ positions }: { positions: readonly PositionRow[] }) {
  return (
    <Scroll label="Coins of open deals">
      <table className="plain">
        <thead>
          <tr>
            <th>Pair</th>
            <th className="r">Quantity</th>
            <th className="r">Average price</th>
            <th className="r">Price now</th>
            <th className="r">Stop</th>
            <th className="r">Fees paid</th>
            <th className="r">Open result</th>
            <th className="r">%</th>
          </tr>
        </thead>
        <tbody>
          {positions.map(row => (
            <tr key={row.id}>
              <td>{row.symbol}</td>
              <td className="r">{quantity(row.qty)}</td>
              <td className="r">{price(row.avgPrice)}</td>
              <td className="r">{price(row.currentPrice)}</td>
              <td className="r">{price(row.stopPrice)}</td>
              <td className="r">{money(row.feesPaid)}</td>
              <td className="r">
                <Result value={row.unrealizedPnl} />
              </td>
              <td className="r">
                <Result value={row.unrealizedPnlPercent} how={value => percent(value)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

export function VersionsTab({ bot, describe }: { bot: Bot; describe: (config: unknown) => readonly string[] }) {
  const versions = useRead('botVersions', { params: { id: bot.botId }, query: { limit: 50 } })
  const [chosen, setChosen] = useState<number | null>(null)
  return (
    <div className="panelBody">
      <Faces query={versions} what="The versions">
        {({ items }) => {
          const shown = items.find(one => one.version === chosen) ?? items[0]
          if (!shown) return <Empty title="No version" />
          const sentences = describe(shown.config)
          return (
            <div className="versions">
              <div>
                <h3 style={{ marginTop: 0 }}>Versions</h3>
                <ul className="versionList">
                  {items.map(one => (
                    <li key={one.version}>
                      <button type="button" aria-pressed={one.version === shown.version} onClick={() => setChosen(one.version)}>
                        Version {one.version}
                        <span className="dim small">
                          {' '}
                          <Time iso={one.createdAt} />
                        </span>
                        {one.note && <span className="dim small"> {one.note}</span>}
                      </button>
                    </li>
                  ))}
                </ul>
              </div>
              <div style={{ minWidth: 0 }}>
                <h3 style={{ marginTop: 0 }}>In words</h3>
                {sentences.length > 0 ? (
                  sentences.map(sentence => (
                    <p key={sentence} style={{ margin: '0 0 4px', maxWidth: '72ch' }}>
                      {sentence}
                    </p>
                  ))
                ) : (
                  <p className="dim">This version cannot be told in words; the JSON says it all.</p>
                )}
                <h3>JSON</h3>
                <Scroll label="Config as JSON">
                  <pre className="json">{JSON.stringify(shown.config, null, 2)}</pre>
                </Scroll>
              </div>
            </div>
          )
        }}
      </Faces>
    </div>
  )
}
