// The first order of a deal, and what starts it.

import { asRecord, isOn } from './draft.ts'
import { useDraft, useField } from './draft-context.tsx'
import { Block, ChoiceField, CountField, DecimalField, FieldErrors, Row, SwitchField, WayField } from './fields.tsx'
import { join, valueAt } from './path.ts'
import { PlaybookEditor } from './playbook-editor.tsx'

function usePairs(): string[] {
  const { draft } = useDraft()
  return Array.isArray(draft['pairs']) ? (draft['pairs'] as unknown[]).map(String) : []
}

export function useQuote(): string {
  return usePairs()[0]?.split('/')[1]?.split(':')[0] ?? 'quote'
}

export function BaseOrderSection() {
  const { draft } = useDraft()
  const { value, set } = useField('baseOrder')
  const pairs = usePairs()
  const quote = useQuote()
  const order = asRecord(value)
  const sizeType = String(order['sizeType'] ?? 'quote')
  const base = pairs.length === 1 ? (pairs[0]?.split('/')[0] ?? 'coins') : 'coins'
  return (
    <>
      <Row>
        <DecimalField
          path="baseOrder.size"
          label="Size"
          unit={sizeType === 'quote' ? quote : sizeType === 'base' ? base : '% of balance'}
        />
        <ChoiceField
          path="baseOrder.sizeType"
          label="Counted in"
          fallback="quote"
          choices={[
            { value: 'quote', label: quote },
            { value: 'base', label: pairs.length === 1 ? base : 'coins of each pair' },
            { value: 'balance_pct', label: 'percent of the free balance' },
          ]}
        />
      </Row>
      <WayField
        path="baseOrder.orderType"
        label="Order type"
        fallback="market"
        choices={[
          { value: 'market', label: 'Market' },
          { value: 'limit', label: 'Limit' },
        ]}
        onPick={next =>
          set(
            next === 'limit'
              ? { ...order, orderType: 'limit', limit: order['limit'] ?? { mode: 'offset', offsetPct: '-0.5' } }
              : { ...order, orderType: 'market' },
          )
        }
      />
      {order['orderType'] === 'limit' && (
        <LimitFields pairs={pairs} mode={String(valueAt(draft, 'baseOrder.limit.mode') ?? 'per_pair')} />
      )}
    </>
  )
}

function LimitFields({ pairs, mode }: { pairs: readonly string[]; mode: string }) {
  const { findings } = useField('baseOrder.limit.prices')
  return (
    <>
      <WayField
        path="baseOrder.limit.mode"
        label="Limit price"
        fallback="per_pair"
        choices={[
          { value: 'offset', label: 'Offset from last price' },
          { value: 'per_pair', label: 'Price per pair' },
        ]}
      />
      {mode === 'offset' ? (
        <DecimalField
          path="baseOrder.limit.offsetPct"
          label="Offset"
          unit="%"
          fallback="-2"
          help="-2 waits for a price two percent lower"
        />
      ) : (
        <>
          <Row>
            {pairs.map(pair => (
              <DecimalField key={pair} path={join('baseOrder.limit.prices', pair)} label={`Price of ${pair}`} />
            ))}
          </Row>
          <FieldErrors findings={findings} />
        </>
      )}
      <Row>
        <CountField path="baseOrder.timeoutSec" label="Waits at most" unit="s" fallback={3600} min={10} />
        <ChoiceField
          path="baseOrder.onTimeout"
          label="Then"
          fallback="cancel"
          choices={[
            { value: 'cancel', label: 'cancel it' },
            { value: 'market', label: 'buy at market' },
          ]}
        />
      </Row>
    </>
  )
}

const SIGNAL_ACTIONS = [
  { value: 'start', label: 'start' },
  { value: 'close', label: 'close' },
  { value: 'add_funds', label: 'add funds' },
  { value: 'reduce', label: 'reduce' },
  { value: 'pause', label: 'pause' },
  { value: 'resume', label: 'resume' },
]

export function EntrySection() {
  const { draft } = useDraft()
  const { value, set } = useField('entry')
  const entry = asRecord(value)
  const mode = String(entry['mode'] ?? 'immediate')
  const pairs = usePairs()
  const quote = useQuote()
  return (
    <>
      <WayField
        path="entry.mode"
        label="A deal starts"
        fallback="immediate"
        choices={[
          { value: 'immediate', label: 'At once' },
          { value: 'conditional', label: 'On conditions' },
          { value: 'signal', label: 'On a signal' },
        ]}
        onPick={next => {
          // An immediate entry forbids a playbook.
          const { playbook, ...rest } = entry
          set(next === 'immediate' ? { ...rest, mode: next } : { ...rest, mode: next, playbook: playbook ?? null })
        }}
      />
      {mode === 'immediate' && <p className="note">Whenever a slot is free and nothing pauses the bot, it buys.</p>}
      {mode !== 'immediate' && (
        <PlaybookEditor
          path="entry.playbook"
          title={mode === 'signal' ? 'Only if (optional)' : 'Conditions'}
          what={mode === 'signal' ? 'a signal starts a deal only while it is true' : 'a deal starts when it turns true'}
        />
      )}
      {mode === 'signal' && (
        <>
          <p className="note">Signals are sent by "Start a deal" or by the API. Webhooks come with a later version.</p>
          <Row>
            <CountField path="entry.signal.maxLagSec" label="Refuse older than" unit="s" fallback={300} min={1} />
            <div>
              <SwitchField path="entry.signal.requireTimestamp" label="A signal must carry its time" fallback={true} />
            </div>
          </Row>
          <SignalActions />
        </>
      )}
      <Block path="dealStart" title="Waits and filters before a deal" help="Delay, cooldown and bounds that hold back a start">
        <Row>
          <CountField
            path="dealStart.delaySec"
            label="Delay after the signal"
            unit="s"
            fallback={0}
            help="Checked again afterwards"
          />
          <CountField path="dealStart.cooldownSec" label="Rest after a deal" unit="s" fallback={0} help="Per pair" />
        </Row>
        <Row>
          <DecimalField path="dealStart.minQuoteVolume24h" label="Least 24 h volume" unit={quote} optional placeholder="any" />
          <DecimalField path="dealStart.maxSpreadPct" label="Widest spread" unit="%" optional placeholder="any" />
        </Row>
        {isOn(draft['dealStart']) && pairs.map(pair => <PriceBand key={pair} pair={pair} quote={quote} />)}
      </Block>
      <CountField path="stopAfterDeals" label="Stop after so many deals" optional placeholder="never" min={1} />
    </>
  )
}

function PriceBand({ pair, quote }: { pair: string; quote: string }) {
  const path = join('dealStart.priceBand', pair)
  const { value, set, findings } = useField(path)
  const band = asRecord(value)
  // A band without any bound is no band: the key leaves the draft.
  const write = (key: 'min' | 'max') => (text: string) => {
    const next = { min: band['min'] ?? null, max: band['max'] ?? null, [key]: text === '' ? null : text }
    set(next.min === null && next.max === null ? undefined : next)
  }
  return (
    <div>
      <Row>
        <DecimalField path={join(path, 'min')} label={`${pair} only above`} unit={quote} placeholder="any" write={write('min')} />
        <DecimalField path={join(path, 'max')} label={`${pair} only below`} unit={quote} placeholder="any" write={write('max')} />
      </Row>
      <FieldErrors findings={findings} />
    </div>
  )
}

function SignalActions() {
  const { value, set, findings } = useField<string[]>('entry.signal.allow')
  const allowed = Array.isArray(value) ? value : ['start', 'close']
  return (
    <fieldset className="checks">
      <legend>A signal may</legend>
      {SIGNAL_ACTIONS.map(one => (
        <label key={one.value}>
          <input
            type="checkbox"
            checked={allowed.includes(one.value)}
            onChange={event =>
              set(event.currentTarget.checked ? [...allowed, one.value] : allowed.filter(action => action !== one.value))
            }
          />{' '}
          {one.label}
        </label>
      ))}
      <FieldErrors findings={findings} />
    </fieldset>
  )
}
