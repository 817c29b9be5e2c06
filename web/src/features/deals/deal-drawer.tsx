// One deal whole: its figures, orders and fills.

import { Drawer } from '@mantine/core'
import type { ReactNode } from 'react'
import type { OrderRow } from '../../../../src/contract/orders.ts'
import type { TradeRow } from '../../../../src/contract/trades.ts'
import { useRead } from '../../client/queries.ts'
import { Faces } from '../../ui/faces.tsx'
import { Figure, Figures, Result, Time } from '../../ui/figure.tsx'
import { money, percent, price, quantity, words } from '../../ui/format.ts'
import { Scroll } from '../../ui/scroll.tsx'
import { DealChip } from './deals-table.tsx'

const PURPOSES: Readonly<Record<OrderRow['purpose'], string>> = {
  base: 'base',
  avg: 'averaging',
  tp: 'take profit',
  sl: 'stop loss',
  trail: 'trailing',
  exit: 'exit',
  close: 'close',
  panic: 'panic',
  adopt: 'adopted',
  manual: 'manual',
}

interface DrawerProps {
  readonly dealId: string | null
  /** What the page shows of a closed deal besides its own rows. */
  readonly beside?: (deal: Pick<TradeRow, 'id' | 'tradeType'>, quote: string) => ReactNode
  onClose(): void
}

export function DealDrawer({ dealId, beside, onClose }: DrawerProps) {
  return (
    <Drawer
      opened={dealId !== null}
      onClose={onClose}
      position="right"
      size="lg"
      title="Deal"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {dealId !== null && <DealBody dealId={dealId} beside={beside} />}
    </Drawer>
  )
}

function DealBody({ dealId, beside }: { dealId: string; beside: DrawerProps['beside'] }) {
  const query = useRead('getTrade', { params: { id: dealId } })
  return (
    <Faces query={query} what="The deal" rows={6}>
      {deal => {
        const quote = deal.symbol.split('/')[1] ?? ''
        return (
          <>
            <h2 style={{ margin: '0 0 12px' }}>
              #{deal.tradeSeq} {deal.symbol} <DealChip status={deal.dealStatus} />
            </h2>
            <Figures>
              <Figure label="Net result">
                <Result value={deal.netPnl} unit={quote} />
              </Figure>
              <Figure label="Of the cost">
                <Result value={deal.pnlPercentage} how={value => percent(value)} />
              </Figure>
              <Figure label="Bought for">{money(deal.entryValue)}</Figure>
              <Figure label="Sold for">{money(deal.exitValue)}</Figure>
              <Figure label="Fees">{money(deal.commission)}</Figure>
              <Figure label="Averaged">{deal.averagingCount} times</Figure>
              <Figure label="Ended by">{deal.exitReason ? words(deal.exitReason) : '–'}</Figure>
              <Figure label="Config">version {deal.botVersion}</Figure>
            </Figures>
            {deal.status === 'closed' && beside?.(deal, quote)}
            <h3>Orders</h3>
            <Scroll label="Orders of the deal">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Time</th>
                    <th>Order</th>
                    <th>State</th>
                    <th className="r">Quantity</th>
                    <th className="r">Price</th>
                  </tr>
                </thead>
                <tbody>
                  {deal.orders.map(order => (
                    <tr key={order.orderId}>
                      <td>
                        <Time iso={order.closedAt ?? order.submittedAt ?? order.createdAt} />
                      </td>
                      <td>
                        {order.side === 'buy' ? 'Buy' : 'Sell'}{' '}
                        <span className="dim">
                          {PURPOSES[order.purpose]}
                          {order.rung ? ` ${order.rung}` : ''}
                        </span>
                      </td>
                      <td>{words(order.status)}</td>
                      <td className="r">{quantity(order.qty)}</td>
                      <td className="r">{price(order.avgPrice ?? order.limitPrice ?? order.stopPrice)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
            <h3>Fills</h3>
            <Scroll label="Fills of the deal">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Time</th>
                    <th>Side</th>
                    <th className="r">Quantity</th>
                    <th className="r">Price</th>
                    <th className="r">Fee</th>
                  </tr>
                </thead>
                <tbody>
                  {deal.fills.map(fill => (
                    <tr key={fill.fillId}>
                      <td>
                        <Time iso={fill.filledAt} />
                      </td>
                      <td>{fill.side === 'buy' ? 'Buy' : 'Sell'}</td>
                      <td className="r">{quantity(fill.qty)}</td>
                      <td className="r">{price(fill.price)}</td>
                      <td className="r">
                        {money(fill.fee)} {fill.feeCurrency ?? ''}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          </>
        )
      }}
    </Faces>
  )
}
