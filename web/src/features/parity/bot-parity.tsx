// How the closed deals of a bot compare with their simulation: the sum in words and figures, and one line a deal.

import type { Bot } from '../../../../src/contract/bots.ts'
import type { ParityReport, ParitySummary } from '../../../../src/contract/parity.ts'
import { useRead } from '../../client/queries.ts'
import { Empty, Faces } from '../../ui/faces.tsx'
import { Figure, Figures, Result, Time } from '../../ui/figure.tsx'
import { DASH, money } from '../../ui/format.ts'
import { useMore } from '../../ui/more.tsx'
import './parity.css'
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
                  {money(summary.deviation)}
                </Figure>
                <Figure label="Of what entering cost" hint="Basis points: 100 are one percent">
                  {summary.deviationBps === null ? DASH : `${money(summary.deviationBps)} bps`}
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

/** One line of figures a deal with its sentence below, so that a narrow screen shows both. */
function Deals({ reports }: { reports: readonly ParityReport[] }) {
  return (
    <ul className="parityDeals" aria-label="Deals and their simulations">
      {reports.map(row => (
        <li key={row.tradeId}>
          <p className="parityDeal">
            <strong>#{row.tradeSeq}</strong>
            <span>{row.symbol}</span>
            <span className="dim">
              <Time iso={row.exitTime} />
            </span>
          </p>
          <dl className="parityFigures">
            <Amount label="Result" value={row.netPnl} />
            <Amount label="Simulated" value={row.simulatedPnl} />
            <Amount label="Difference" value={row.difference} />
          </dl>
          <p className="parityWords">
            {row.headline ?? row.reason}
            {!row.matched && row.cause && <span className="dim small"> {CAUSES[row.cause]}</span>}
          </p>
        </li>
      ))}
    </ul>
  )
}

function Amount({ label, value }: { label: string; value: string | null }) {
  return (
    <div title={value ?? ''}>
      <dt>{label}</dt>
      <dd>
        <Result value={value} />
      </dd>
    </div>
  )
}
