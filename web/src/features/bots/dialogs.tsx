// Questions before something that cannot be taken back: stop, sell all, delete.

import { Button, Group, Modal, Radio, Select, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Bot } from '../../../../src/contract/bots.ts'
import { useCommand } from './commands.ts'
import { glance } from './status.tsx'

interface DialogProps {
  readonly bot: Bot
  readonly opened: boolean
  onClose(): void
}

const WAYS = [
  {
    value: 'manage',
    label: 'Let the deals end',
    say: 'Nothing more is bought; each deal is sold at its target or stop. The bot stops when the last one is closed.',
  },
  { value: 'close', label: 'Sell now', say: 'All open deals are sold at the market price, at a gain or a loss.' },
  {
    value: 'release',
    label: 'Keep the coins',
    say: 'Deals end without selling; the coins move to your holdings and the bot forgets them.',
  },
] as const

export function StopDialog({ bot, opened, onClose, openDeals }: DialogProps & { openDeals: number }) {
  const [way, setWay] = useState<string>('manage')
  const stop = useCommand('stopBot', `${bot.name} is stopping`)
  return (
    <Modal opened={opened} onClose={onClose} title={`Stop ${bot.name}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack gap="md">
        <Text size="sm">
          {openDeals === 0
            ? 'No deal is open, so it stops at once.'
            : `${openDeals === 1 ? 'One deal is' : `${openDeals} deals are`} open. What shall become of ${openDeals === 1 ? 'it' : 'them'}?`}
        </Text>
        <Radio.Group value={way} onChange={setWay} aria-label="What becomes of open deals">
          <Stack gap="sm">
            {WAYS.map(one => (
              <Radio key={one.value} value={one.value} label={one.label} description={one.say} />
            ))}
          </Stack>
        </Radio.Group>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            color={way === 'manage' ? 'petrol' : 'loss'}
            loading={stop.isPending}
            onClick={() =>
              stop.mutate(
                { params: { id: bot.botId }, body: { openDeals: way as 'manage' | 'close' | 'release' } },
                { onSuccess: onClose },
              )
            }
          >
            Stop the bot
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

export function PanicDialog({ bot, opened, onClose }: DialogProps) {
  const panic = useCommand('panicBot', `${bot.name} sells everything`)
  return (
    <Modal opened={opened} onClose={onClose} title="Panic: sell everything now" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack gap="md">
        <Text size="sm">
          All waiting orders of {bot.name} are cancelled and all its coins are sold at the market price, at a gain or a loss.{' '}
          {bot.status === 'stopping' ? 'Then it stops.' : 'The bot is paused: it buys nothing more until you resume it.'}
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button
            color="loss"
            loading={panic.isPending}
            onClick={() => panic.mutate({ params: { id: bot.botId } }, { onSuccess: onClose })}
          >
            {bot.status === 'stopping' ? 'Sell everything' : 'Pause and sell everything'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

export function DeleteDialog({ bot, opened, onClose, onDeleted }: DialogProps & { onDeleted?: () => void }) {
  const remove = useCommand('deleteBot', `${bot.name} is deleted`)
  return (
    <Modal opened={opened} onClose={onClose} title={`Delete ${bot.name}?`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack gap="md">
        <Text size="sm">The bot disappears from the lists. Its orders, deals and bookings stay in the records.</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button
            color="loss"
            loading={remove.isPending}
            onClick={() =>
              remove.mutate(
                { params: { id: bot.botId } },
                {
                  onSuccess: () => {
                    onClose()
                    onDeleted?.()
                  },
                },
              )
            }
          >
            Delete
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

export function StartDealDialog({ bot, opened, onClose }: DialogProps) {
  const { pairs } = glance(bot.config)
  const [pair, setPair] = useState(pairs[0] ?? '')
  const deal = useCommand('startDeal', `A deal of ${pair} was asked for`)
  return (
    <Modal opened={opened} onClose={onClose} title="Start a deal now" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack gap="md">
        <Text size="sm">Skips the entry conditions only; free slots, funds and every other gate still count.</Text>
        <Select label="Pair" data={[...pairs]} value={pair} allowDeselect={false} onChange={next => setPair(next ?? '')} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            loading={deal.isPending}
            onClick={() => deal.mutate({ params: { id: bot.botId }, body: { symbol: pair } }, { onSuccess: onClose })}
          >
            Start the deal
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
