// How one deal compares with its simulation: the sentence, and the parts of the difference where there is one.

import { useRead } from '../../client/queries.ts'
import { Faces } from '../../ui/faces.tsx'
import { Result } from '../../ui/figure.tsx'
import { Parts } from './parts.tsx'
import { CAUSES } from './words.ts'

export function DealParity({ dealId, quote }: { dealId: string; quote: string }) {
  const query = useRead('tradeParity', { params: { id: dealId } }, { everyMs: 15_000 })
  return (
    <section aria-label="Comparison with the simulation">
      <h3>Against its simulation</h3>
      <Faces query={query} what="The comparison" rows={2}>
        {report =>
          report === null ? (
            <p className="dim">The simulation of this deal is still to come. It runs in the background.</p>
          ) : report.status === 'unavailable' ? (
            <p className="dim">This deal could not be simulated: {report.reason}</p>
          ) : (
            <>
              <p>{report.headline}</p>
              {!report.matched && report.cause && <p className="dim small">{CAUSES[report.cause]}</p>}
              <p className="dim small">
                Deal <Result value={report.netPnl} unit={quote} />, simulation <Result value={report.simulatedPnl} unit={quote} />
              </p>
              {report.parts && <Parts parts={report.parts} difference={report.difference} />}
            </>
          )
        }
      </Faces>
    </section>
  )
}

/** For a page that opens deals; a backtest is a simulation itself. */
export function parityOf(deal: { readonly id: string; readonly tradeType: string }, quote: string) {
  return deal.tradeType === 'backtest' ? null : <DealParity dealId={deal.id} quote={quote} />
}
