// Coins that belong to no open deal; nothing is shown while there are none.

import { useRead } from '../../client/queries.ts'
import { Result } from '../../ui/figure.tsx'
import { money, price, quantity } from '../../ui/format.ts'
import { Scroll } from '../../ui/scroll.tsx'

export function HoldingsPanel() {
  const holdings = useRead('listHoldings', { query: { limit: 200, mode: 'paper' } }, { everyMs: 30_000 })
  const items = holdings.data?.items ?? []
  if (items.length === 0) return null
  return (
    <section className="panel" style={{ marginTop: 16 }}>
      <div className="panelHead">
        <h2>Coins outside of deals</h2>
      </div>
      <Scroll label="Coins outside of deals">
        <table className="plain">
          <thead>
            <tr>
              <th>Currency</th>
              <th className="r">Quantity</th>
              <th className="r">Average price</th>
              <th className="r">Price now</th>
              <th className="r">Worth</th>
              <th className="r">Open result</th>
            </tr>
          </thead>
          <tbody>
            {items.map(row => (
              <tr key={`${row.exchange} ${row.currency}`}>
                <td>{row.currency}</td>
                <td className="r">{quantity(row.qty)}</td>
                <td className="r">{price(row.avgPrice)}</td>
                <td className="r">{price(row.currentPrice)}</td>
                <td className="r">{money(row.totalValue)}</td>
                <td className="r">
                  <Result value={row.unrealizedPnl} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  )
}
