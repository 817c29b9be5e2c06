// How the closed deals of a bot compare with their simulation: the sum in words and figures, and one line a deal.

import type { Bot } from '../../../../src/contract/bots.ts'
import type { ParityReport, ParitySummary } from '../../../../src/contract/parity.ts'
import { useRead } from '../../client/queries.ts'
import { Empty, Faces } from '../../ui/faces.tsx'
import { Figure, Figures, Result, Time } from '../../ui/figure.tsx'
import { DASH, quantity } from '../../ui/format.ts'
import { useMore } from '../../ui/more.tsx'
import { Scroll } from '../../ui/scroll.tsx'
import { CAUSES } from './words.ts'

export function BotParity({ bot }: { bot: Bot }) {
  const { limit, more } = useMore()
  const query = useRead('botParity', { params: { id: bot.botId }, query: { limit } }, { everyMs: 15_000, keepPrevious: true })
  return (
    <div className="panelBody">
      <Faces query={query} what="The comparison with the simulation">
        {({ summary, items, nextCursor }) =>
          items.length === 0 ? (
            <Empty title={summary.waiting > 0 ? 'The first simulations are under way' : 'Nothing to compare yet'}>
              {summary.waiting > 0
                ? `${summary.waiting} closed deals wait for theirs. They run in the background and hold no trade up.`
                : 'When a deal closes, it is simulated over the same candles, and what came out is compared here.'}
            </Empty>
          ) : (
            <>
              <p>{inWords(summary)}</p>
              <Figures>
                <Figure label="Same decisions" hint="Deals whose simulation filled the same orders">
                  {summary.matched} of {summary.union}
                </Figure>
                <Figure label="Differences, summed" hint="Without sign, in quote">
                  {quantity(summary.deviation)}
                </Figure>
                <Figure label="Of what entering cost" hint="Basis points: 100 are one percent">
                  {summary.deviationBps === null ? DASH : `${quantity(summary.deviationBps)} bps`}
                </Figure>
                {summary.waiting > 0 && <Figure label="Still to come">{summary.waiting}</Figure>}
                {summary.unavailable > 0 && <Figure label="Not simulated">{summary.unavailable}</Figure>}
              </Figures>
              <Deals reports={items} />
              {more(nextCursor)}
            </>
          )
        }
      </Faces>
    </div>
  )
}

function inWords({ matched, union, deviation }: ParitySummary): string {
  if (union === 0) return 'No deal could be simulated.'
  const deals = union === 1 ? 'The one deal' : `All ${union} deals`
  if (matched === union && Number(deviation) === 0) return `${deals} ended exactly as the simulation says.`
  if (matched === union) return `${deals} made the decisions of the simulation; prices, quantities or fees differ.`
  return `${matched} of ${union} deals made the decisions of the simulation.`
}

function Deals({ reports }: { reports: readonly ParityReport[] }) {
  return (
    <Scroll label="Deals and their simulations">
      <table className="plain">
        <thead>
          <tr>
            <th>Deal</th>
            <th>Pair</th>
            <th>Closed</th>
            <th className="r">Result</th>
            <th className="r">Simulated</th>
            <th className="r">Difference</th>
            <th>In words</th>
          </tr>
        </thead>
        <tbody>
          {reports.map(row => (
            <tr key={row.tradeId}>
              <td>#{row.tradeSeq}</td>
              <td>{row.symbol}</td>
              <td>
                <Time iso={row.exitTime} />
              </td>
              <td className="r">
                <Result value={row.netPnl} />
              </td>
              <td className="r">{row.simulatedPnl === null ? DASH : <Result value={row.simulatedPnl} />}</td>
              <td className="r" title={row.difference ?? ''}>
                {row.difference === null ? DASH : <Result value={row.difference} how={quantity} />}
              </td>
              <td className="say">
                {row.headline ?? row.reason}
                {!row.matched && row.cause && <span className="dim small"> {CAUSES[row.cause]}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}
