// The question before a deal is sold by hand: what it holds, at what price, and what becomes of it.

import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import type { PositionRow } from '../../../../src/contract/positions.ts'
import type { TradeRow } from '../../../../src/contract/trades.ts'
import { Result } from '../../ui/figure.tsx'
import { price, quantity } from '../../ui/format.ts'
import { useCommand } from './commands.ts'

interface CloseDealProps {
  /** Null while nothing is asked. */
  readonly deal: TradeRow | null
  /** What it holds now; not known until it is read. */
  readonly position: PositionRow | undefined
  onClose(): void
}

export function CloseDealDialog({ deal, position, onClose }: CloseDealProps) {
  return (
    <Modal
      opened={deal !== null}
      onClose={onClose}
      title={deal ? `Close deal #${deal.tradeSeq} now` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {deal && <CloseDeal deal={deal} position={position} onClose={onClose} />}
    </Modal>
  )
}

function CloseDeal({ deal, position, onClose }: CloseDealProps & { deal: TradeRow }) {
  const close = useCommand('closeTrade', `Deal #${deal.tradeSeq} is being closed`)
  const [base = '', quote = ''] = deal.symbol.split('/')
  return (
    <Stack gap="md">
      <Text size="sm">
        It holds{' '}
        <b className="num">
          {quantity(position?.qty ?? deal.size)} {base}
        </b>
        ; the last price is{' '}
        <b className="num">
          {price(position?.currentPrice)} {quote}
        </b>
        . All of it is sold at the market price, and the waiting orders of the deal are cancelled.
      </Text>
      <Text size="sm">
        At the last price its result is <Result value={position?.unrealizedPnl} unit={quote} />. The bot stays as it is: while it
        runs it may begin another deal.
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button
          color="loss"
          loading={close.isPending}
          onClick={() => close.mutate({ params: { id: deal.id } }, { onSuccess: onClose })}
        >
          Sell {base} now
        </Button>
      </Group>
    </Stack>
  )
}
