// What a deal would order, computed here in the browser at a price one may change: the same function sizes the lock of a real deal.

import { Group, Select, Text, TextInput, Tooltip } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { DcaConfig } from '../../../../src/core/dca/config.ts'
import { type Preview, type PreviewFlag, previewLadder } from '../../../../src/core/dca/preview.ts'
import type { Instrument } from '../../../../src/core/market/instrument.ts'
import { Decimal } from '../../../../src/core/money/decimal.ts'
import { Figure, Figures } from '../../ui/figure.tsx'
import { money, percent, price as priceText, quantity } from '../../ui/format.ts'
import { Scroll } from '../../ui/scroll.tsx'

const FLAG_WORDS: Readonly<Record<PreviewFlag, string>> = {
  below_min_notional: 'smaller than the exchange accepts',
  below_min_quantity: 'less than the smallest quantity',
  beyond_stop: 'beyond the stop: the deal is closed before',
  over_max_investment: 'over the most per deal: skipped',
  price_not_positive: 'no positive price',
}

export interface LadderInput {
  readonly config: DcaConfig
  readonly instruments: readonly Instrument[]
  /** Last known price by pair, decimal text; undefined while it is not known. */
  readonly lastPrice: (pair: string) => string | undefined
}

export function useLadder({ config, instruments, lastPrice }: LadderInput) {
  const [chosen, setChosen] = useState<string | null>(null)
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({})
  const [balance, setBalance] = useState('10000')
  const pair = chosen !== null && config.pairs.includes(chosen) ? chosen : (config.pairs[0] ?? '')
  const instrument = instruments.find(one => one.exchange === config.exchange && one.symbol === pair)
  const price = typed[pair] ?? lastPrice(pair) ?? ''
  const preview = useMemo<Preview | null>(() => {
    const at = positive(price)
    if (!instrument || !at) return null
    return previewLadder({ config, instrument, price: at.toGrid(instrument.tick, 'floor'), balance: positive(balance) })
  }, [config, instrument, price, balance])
  return {
    pair,
    setPair: setChosen,
    price,
    setPrice: (text: string) => setTyped({ ...typed, [pair]: text }),
    isTyped: typed[pair] !== undefined,
    balance,
    setBalance,
    instrument,
    preview,
  }
}

export type Ladder = ReturnType<typeof useLadder>

function positive(text: string): Decimal | null {
  if (!Decimal.isDecimalText(text)) return null
  const value = Decimal.from(text)
  return value.isPositive() ? value : null
}

export function LadderPanel({ config, ladder }: { config: DcaConfig; ladder: Ladder }) {
  const { preview, instrument, pair } = ladder
  const quote = instrument?.quote ?? pair.split('/')[1] ?? ''
  const clean = (text: string) => text.trim().replace(',', '.')
  return (
    <>
      <Group gap="sm" align="flex-end" wrap="wrap">
        {config.pairs.length > 1 && (
          <Select
            label="Pair"
            size="xs"
            w={130}
            data={[...config.pairs]}
            value={pair}
            allowDeselect={false}
            onChange={next => ladder.setPair(next)}
          />
        )}
        <TextInput
          label="If the base order fills at"
          size="xs"
          w={160}
          inputMode="decimal"
          value={ladder.price}
          placeholder="a price"
          onChange={event => ladder.setPrice(clean(event.currentTarget.value))}
        />
        <TextInput
          label={`Balance, ${quote}`}
          size="xs"
          w={130}
          inputMode="decimal"
          value={ladder.balance}
          onChange={event => ladder.setBalance(clean(event.currentTarget.value))}
        />
      </Group>
      {!preview && (
        <p className="hollow">
          {instrument ? 'Write a price to see the orders of a deal.' : `The rules of ${pair} are not known here yet.`}
        </p>
      )}
      {preview && instrument && <LadderTable preview={preview} instrument={instrument} />}
      {preview && <LadderFooter preview={preview} quote={quote} deals={config.maxActiveDeals} />}
    </>
  )
}

function LadderFooter({ preview, quote, deals }: { preview: Preview; quote: string; deals: number }) {
  return (
    <Figures>
      <Figure label="Needs per deal" hint="All orders at their prices, with fees">
        {money(preview.requiredCapital)} {quote}
      </Figure>
      <Figure label="Locked per deal" hint="The same with the buffer on top">
        {money(preview.lock)} {quote}
      </Figure>
      <Figure label="Reaches down">{percent(preview.maxDeviationPct)}</Figure>
      <Figure label={deals === 1 ? 'Of the balance' : `Of the balance, ${deals} deals`}>{percent(preview.balancePct, 1)}</Figure>
      <Figure label="Loss at the stop" hint="After the last order, fees included">
        {preview.lossAtStop ? `${money(preview.lossAtStop)} ${quote}` : 'no stop'}
      </Figure>
    </Figures>
  )
}

export function LadderTable({ preview, instrument }: { preview: Preview; instrument: Instrument }) {
  const at = (value: Decimal | null) => priceText(value, instrument.tick)
  const stops = preview.rows.some(row => row.stopPrice !== null)
  return (
    <Scroll label="Orders of a deal">
      <table className="plain ladder">
        <thead>
          <tr>
            <th>Order</th>
            <th className="r">Fall</th>
            <th className="r">Price</th>
            <th className="r">{instrument.base}</th>
            <th className="r">{instrument.quote}</th>
            <th className="r">Total {instrument.quote}</th>
            <th className="r">Average</th>
            <th className="r">Target</th>
            <th className="r">Must rise</th>
            {stops && <th className="r">Stop</th>}
            <th>Waits</th>
          </tr>
        </thead>
        <tbody>
          {preview.rows.map(row => (
            <tr key={row.rung} className={row.flags.length > 0 ? 'flagged' : undefined}>
              <td>
                {row.rung === 0 ? 'Base' : row.rung}
                {row.flags.length > 0 && (
                  <Tooltip label={row.flags.map(flag => FLAG_WORDS[flag]).join('; ')}>
                    <button type="button" className="flag" aria-label={row.flags.map(flag => FLAG_WORDS[flag]).join('; ')}>
                      !
                    </button>
                  </Tooltip>
                )}
              </td>
              <td className="r">{percent(row.deviationPct)}</td>
              <td className="r">{at(row.price)}</td>
              <td className="r">{quantity(row.base)}</td>
              <td className="r">{money(row.quote)}</td>
              <td className="r" title={`${quantity(row.cumBase)} ${instrument.base}`}>
                {money(row.cumQuote)}
              </td>
              <td className="r">{at(row.average)}</td>
              <td className="r">{at(row.tpPrice)}</td>
              <td className="r">{percent(row.requiredChangePct)}</td>
              {stops && <td className="r">{at(row.stopPrice)}</td>}
              <td>{row.placement === 'exchange' ? 'exchange' : 'bot'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {preview.rows.some(row => row.flags.length > 0) && (
        <Text size="xs" c="dimmed" px={12} py={8}>
          ! marks an order that would not go out as planned; point at it for the reason.
        </Text>
      )}
    </Scroll>
  )
}
