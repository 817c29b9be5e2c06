// Starting a test run: with how much play money, and what candles it is fed with.

import { Button, Group, Modal, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Bot } from '../../../../src/contract/bots.ts'
import { Decimal } from '../../../../src/core/money/decimal.ts'
import { useRead } from '../../client/queries.ts'
import { Failed } from '../../ui/faces.tsx'
import { Time } from '../../ui/figure.tsx'
import { money } from '../../ui/format.ts'
import { useCommand } from './commands.ts'
import { glance } from './status.tsx'

const LEAST = Decimal.from('10000')

/** What the server would take itself: room for all deals at once, at least 10000. */
export function suggestedBalance(bot: Pick<Bot, 'requiredCapital' | 'config'>): string {
  const deals = glance(bot.config).maxActiveDeals ?? 1
  const needed = bot.requiredCapital === null ? LEAST : Decimal.from(bot.requiredCapital).times(Decimal.from(deals))
  return (needed.gt(LEAST) ? needed.round(0, 'ceil') : LEAST).toString()
}

export function StartDialog({ bot, opened, onClose }: { bot: Bot; opened: boolean; onClose(): void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Start ${bot.name}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      {opened && <StartForm bot={bot} onClose={onClose} />}
    </Modal>
  )
}

function StartForm({ bot, onClose }: { bot: Bot; onClose(): void }) {
  const { exchange, pairs } = glance(bot.config)
  const isDemo = exchange === 'demo'
  const quote = pairs[0]?.split('/')[1] ?? ''
  const [balance, setBalance] = useState(() => suggestedBalance(bot))
  const [speed, setSpeed] = useState('60')
  const [replaySpeed, setReplaySpeed] = useState('max')
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const start = useCommand('startPaper', `${bot.name} is starting`)
  const wrong = !Decimal.isDecimalText(balance) || !Decimal.from(balance).isPositive()

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const feed = isDemo
      ? ({ kind: 'demo', speed: Number(speed) } as const)
      : ({
          kind: 'replay',
          exchange,
          speed: replaySpeed === 'max' ? 'max' : Number(replaySpeed),
          ...(from === '' ? {} : { from: `${from}T00:00:00Z` }),
          ...(to === '' ? {} : { to: `${to}T00:00:00Z` }),
        } as const)
    start.mutate({ params: { id: bot.botId }, body: { initialBalance: balance, feed } }, { onSuccess: onClose })
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          data-autofocus
          label={`Play money, ${quote}`}
          description={
            bot.requiredCapital === null ? undefined : `One deal with all its orders needs ${money(bot.requiredCapital)} ${quote}`
          }
          inputMode="decimal"
          value={balance}
          error={wrong ? 'An amount above zero' : undefined}
          onChange={event => setBalance(event.currentTarget.value.trim().replace(',', '.'))}
        />
        {isDemo ? (
          <div>
            <Text size="sm" fw={600} id="speed-label">
              Speed of the demo market
            </Text>
            <Text size="xs" c="dimmed">
              Times as fast as the clock: at 60 one minute passes each second
            </Text>
            <SegmentedControl
              mt={6}
              fullWidth
              aria-labelledby="speed-label"
              value={speed}
              onChange={setSpeed}
              data={['1', '5', '20', '60'].map(value => ({ value, label: `×${value}` }))}
            />
          </div>
        ) : (
          <>
            <Coverage exchange={exchange} symbol={pairs[0] ?? ''} />
            <Group grow>
              <TextInput
                label="From"
                type="date"
                value={from}
                onChange={event => setFrom(event.currentTarget.value)}
                description="Empty: the first candle"
              />
              <TextInput
                label="To"
                type="date"
                value={to}
                onChange={event => setTo(event.currentTarget.value)}
                description="Empty: the last candle"
              />
            </Group>
            <Select
              label="Speed of the replay"
              value={replaySpeed}
              allowDeselect={false}
              onChange={next => setReplaySpeed(next ?? 'max')}
              data={[
                { value: 'max', label: 'as fast as it can be written down' },
                { value: '100000', label: '×100,000' },
                { value: '10000', label: '×10,000' },
                { value: '1000', label: '×1,000' },
                { value: '60', label: '×60' },
                { value: '1', label: 'as the clock' },
              ]}
            />
          </>
        )}
        {start.error && <Failed error={start.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={start.isPending} disabled={wrong}>
            Start the test
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Coverage({ exchange, symbol }: { exchange: string; symbol: string }) {
  const query = useRead('candleCoverage', { query: { exchange, symbol } }, { still: true })
  if (query.isError) return <Failed error={query.error} what="What is imported" />
  if (!query.data) return null
  if (query.data.items.length === 0)
    return <Text size="sm">No candles of {symbol} are imported yet. Import some with “evenkeel candles import”.</Text>
  return (
    <Text size="sm" c="dimmed">
      Replays imported candles:{' '}
      {query.data.items.map((one, index) => (
        <span key={one.timeframe}>
          {index > 0 && '; '}
          {one.timeframe} from <Time iso={one.from} /> to <Time iso={one.to} />
        </span>
      ))}
    </Text>
  )
}
