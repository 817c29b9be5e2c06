// Orders, newest first.

import type { OrderRow } from '../../../../src/contract/orders.ts'
import { Empty } from '../../ui/faces.tsx'
import { Time } from '../../ui/figure.tsx'
import { money, price, quantity, words } from '../../ui/format.ts'
import { Scroll } from '../../ui/scroll.tsx'

const PURPOSES: Readonly<Record<OrderRow['purpose'], string>> = {
  base: 'Base',
  avg: 'Averaging',
  tp: 'Take profit',
  sl: 'Stop loss',
  trail: 'Trailing',
  exit: 'Exit',
  close: 'Close',
  panic: 'Panic',
  adopt: 'Adopted',
  manual: 'Manual',
}

const SIGNS: Readonly<Record<string, string>> = {
  filled: '●',
  part_filled: '◐',
  open: '○',
  cancelled: '×',
  rejected: '▲',
  expired: '×',
  unknown: '?',
}

export function purposeText(order: Pick<OrderRow, 'purpose' | 'rung'>): string {
  return `${PURPOSES[order.purpose]}${order.rung !== null && order.rung > 0 ? ` ${order.rung}` : ''}`
}

const LIVE: ReadonlySet<OrderRow['status']> = new Set(['intended', 'in_flight', 'open', 'part_filled', 'unknown'])

/** Where an order that is not done works: at the venue, whatever becomes of this server, or only as long as this server runs. */
export function placeText(order: Pick<OrderRow, 'status' | 'isVirtual' | 'cancelState'>): string {
  if (!LIVE.has(order.status)) return ''
  if (order.status === 'unknown') return 'in doubt: the venue is being asked'
  if (order.status === 'intended' || order.status === 'in_flight') return 'on its way'
  if (order.cancelState === 'requested' || order.cancelState === 'in_flight') return 'being cancelled'
  return order.isVirtual ? 'needs this server' : 'rests at the venue'
}

/** Its own price: limit, trigger, or none. */
function priceText(order: OrderRow): string {
  if (order.stopPrice !== null)
    return `${order.limitPrice === null ? '' : `${price(order.limitPrice)}, `}stop ${price(order.stopPrice)}`
  return order.limitPrice === null ? words(order.orderType).toLowerCase() : price(order.limitPrice)
}

/** In market time: rows are written a little later, and a fast run is ahead of the clock. */
function placedAt(order: OrderRow): string {
  return order.submittedAt ?? order.createdAt
}

function latestFirst(orders: readonly OrderRow[]): OrderRow[] {
  const latest = (order: OrderRow) => order.closedAt ?? placedAt(order)
  return orders.toSorted((a, b) => latest(b).localeCompare(latest(a)))
}

export function OrdersTable({ orders, several }: { orders: readonly OrderRow[]; several: boolean }) {
  if (orders.length === 0) return <Empty title="No orders yet">They appear here as soon as a deal starts.</Empty>
  return (
    <Scroll label="Orders">
      <table className="plain">
        <thead>
          <tr>
            <th>Placed</th>
            <th>Ended</th>
            {several && <th>Pair</th>}
            <th>Order</th>
            <th>State</th>
            <th className="r">Quantity</th>
            <th className="r">Filled</th>
            <th className="r">Price</th>
            <th className="r">Filled at</th>
            <th className="r">Fee</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {latestFirst(orders).map(order => (
            <tr key={order.orderId}>
              <td>
                <Time iso={placedAt(order)} />
              </td>
              <td>
                <Time iso={order.closedAt} />
              </td>
              {several && <td>{order.symbol}</td>}
              <td>
                {order.side === 'buy' ? 'Buy' : 'Sell'} <span className="dim">{purposeText(order)}</span>
              </td>
              <td>
                <span aria-hidden="true">{SIGNS[order.status] ?? '·'}</span> {words(order.status)}{' '}
                <span className="dim">{placeText(order)}</span>
              </td>
              <td className="r">{quantity(order.qty)}</td>
              <td className="r">{quantity(order.filledQty)}</td>
              <td className="r">{priceText(order)}</td>
              <td className="r">{price(order.avgPrice)}</td>
              <td className="r">
                {money(order.fees)} {order.feeCurrency ?? ''}
              </td>
              <td className="dim">{order.reason ? words(order.reason) : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}
