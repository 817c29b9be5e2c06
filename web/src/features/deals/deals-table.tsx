// Deals, newest first; one opens to its orders and fills.

import { Button, UnstyledButton } from '@mantine/core'
import type { TradeRow } from '../../../../src/contract/trades.ts'
import { Empty } from '../../ui/faces.tsx'
import { Result, Time } from '../../ui/figure.tsx'
import { money, percent, price, quantity, words } from '../../ui/format.ts'
import { Scroll } from '../../ui/scroll.tsx'

const STATES: Readonly<Record<TradeRow['dealStatus'], { word: string; sign: string; tone: string }>> = {
  pending: { word: 'Waiting', sign: '○', tone: '' },
  open: { word: 'Open', sign: '●', tone: 'petrol' },
  closing: { word: 'Closing', sign: '◑', tone: 'brass' },
  closed: { word: 'Closed', sign: '■', tone: '' },
  cancelled: { word: 'Cancelled', sign: '×', tone: '' },
  failed: { word: 'Refused', sign: '▲', tone: 'loss' },
  released: { word: 'Released', sign: '↗', tone: '' },
  merged: { word: 'Merged', sign: '∪', tone: '' },
}

export function DealChip({ status }: { status: TradeRow['dealStatus'] }) {
  const state = STATES[status]
  return (
    <span className={`chip ${state.tone}`}>
      <span aria-hidden="true">{state.sign}</span> {state.word}
    </span>
  )
}

interface DealsProps {
  readonly deals: readonly TradeRow[]
  /** Names of bots by id, where several bots are shown. */
  readonly botNames?: ReadonlyMap<string, string>
  /** Unrealised result by deal. */
  readonly unrealized?: ReadonlyMap<string, string>
  onOpen(deal: TradeRow): void
  /** Offered beside each deal that can still be closed. */
  onClose?: (deal: TradeRow) => void
}

export function DealsTable({ deals, botNames, unrealized, onOpen, onClose }: DealsProps) {
  if (deals.length === 0)
    return <Empty title="No deals yet">A deal begins with a bot's first buy and ends when everything is sold.</Empty>
  return (
    <Scroll label="Deals">
      <table className="plain">
        <thead>
          <tr>
            <th>Deal</th>
            {botNames && <th>Bot</th>}
            <th>Pair</th>
            <th>State</th>
            <th>Opened</th>
            <th>Closed</th>
            <th className="r">Averaged</th>
            <th className="r">Bought at</th>
            <th className="r">Quantity</th>
            <th className="r">Invested</th>
            <th className="r">Sold at</th>
            <th className="r">Result</th>
            <th className="r">%</th>
            <th>Ended by</th>
          </tr>
        </thead>
        <tbody>
          {deals.map(deal => {
            const open = deal.status === 'open'
            const partly = unrealized?.get(deal.id)
            return (
              <tr key={deal.id}>
                <td>
                  <UnstyledButton className="linkLike" onClick={() => onOpen(deal)} aria-label={`Open deal ${deal.tradeSeq}`}>
                    #{deal.tradeSeq}
                  </UnstyledButton>
                </td>
                {botNames && <td>{botNames.get(deal.botId) ?? deal.botId}</td>}
                <td>{deal.symbol}</td>
                <td>
                  <DealChip status={deal.dealStatus} />
                  {onClose && deal.dealStatus === 'open' && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      ml={8}
                      onClick={() => onClose(deal)}
                      aria-label={`Close deal ${deal.tradeSeq}`}
                    >
                      Close
                    </Button>
                  )}
                </td>
                <td>
                  <Time iso={deal.entryTime ?? deal.createdAt} />
                </td>
                <td>
                  <Time iso={deal.exitTime} />
                </td>
                <td className="r">{deal.averagingCount}</td>
                <td className="r">{price(deal.entryPrice)}</td>
                <td className="r">{quantity(deal.size)}</td>
                <td className="r">{money(deal.entryValue)}</td>
                <td className="r">{price(deal.exitPrice)}</td>
                <td className="r">
                  {open ? (
                    <span title="Not realised yet">
                      <Result value={partly} />
                    </span>
                  ) : (
                    <Result value={deal.netPnl} />
                  )}
                </td>
                <td className="r">{open ? '' : <Result value={deal.pnlPercentage} how={value => percent(value)} />}</td>
                <td className="dim">{deal.exitReason ? words(deal.exitReason) : ''}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </Scroll>
  )
}
