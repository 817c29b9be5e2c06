// Name, exchange, pairs, timeframe, and whether the bot is for test money or real money.

import { Button, Group, MultiSelect, Text } from '@mantine/core'
import { asRecord, isOn, PRESETS, withPreset } from './draft.ts'
import { useDraft, useField } from './draft-context.tsx'
import { ChoiceField, CountField, fieldId, Row, TextField, TimeframeField } from './fields.tsx'
import { valueAt } from './path.ts'

export function BasicsSection() {
  const { draft, replace, instruments } = useDraft()
  const { set: setExchange } = useField('exchange')
  const exchanges = [...new Set(['demo', ...instruments.map(one => one.exchange)])]
  return (
    <>
      <Row>
        <TextField path="name" label="Name" />
        <ChoiceField
          path="exchange"
          label="Market"
          choices={exchanges.map(one => ({
            value: one,
            label: one === 'demo' ? 'Demo market (built in)' : `${one} (imported candles)`,
          }))}
          onPick={next => {
            const symbols = instruments.filter(one => one.exchange === next).map(one => one.symbol)
            const pairs = Array.isArray(draft['pairs']) ? (draft['pairs'] as string[]).filter(pair => symbols.includes(pair)) : []
            setExchange(next)
            if (symbols.length > 0) replace({ ...draft, exchange: next, pairs: pairs.length > 0 ? pairs : symbols.slice(0, 1) })
          }}
        />
      </Row>
      <PairsField />
      <Row>
        <TimeframeField
          path="timeframe"
          label="Timeframe"
          fallback="1h"
          help="The bot decides when a candle of this length closes"
        />
        <CountField path="maxActiveDeals" label="Deals at once" fallback={1} min={1} help="All pairs together" />
        <CountField path="maxDealsPerPair" label="Deals per pair" fallback={1} min={1} help="At the same time" />
      </Row>
      <div>
        <Text size="sm" fw={600}>
          Start from
        </Text>
        <Text size="xs" c="dimmed">
          Sets ladder and target; everything else stays as it is
        </Text>
        <Group gap="xs" mt={6}>
          {PRESETS.map(one => (
            <Button key={one.id} size="xs" variant="default" title={one.say} onClick={() => replace(withPreset(draft, one.id))}>
              {one.label}
            </Button>
          ))}
        </Group>
      </div>
      <ModeField />
    </>
  )
}

function PairsField() {
  const { draft, instruments, findings } = useDraft()
  const { value, set } = useField<string[]>('pairs')
  const pairs = Array.isArray(value) ? value.map(String) : []
  const known = instruments.filter(one => one.exchange === draft['exchange']).map(one => one.symbol)
  const wrong = findings.filter(one => one.path === 'pairs' || one.path.startsWith('pairs['))
  return (
    <MultiSelect
      id={fieldId('pairs')}
      label="Pairs"
      description={pairs.length > 1 ? 'One quote currency; the first gets scarce slots and funds first' : undefined}
      data={[...new Set([...known, ...pairs])]}
      value={pairs}
      onChange={set}
      searchable
      clearable={false}
      hidePickedOptions
      maxValues={50}
      error={wrong.length > 0 ? wrong.map(one => one.message).join('; ') : undefined}
      comboboxProps={{ withinPortal: true }}
    />
  )
}

/** Live is shown with what it still needs; this version cannot choose it. */
function ModeField() {
  const { draft } = useDraft()
  const risk = asRecord(draft['risk'])
  const caps = isOn(draft['risk']) && Boolean(risk['maxPositionQuote']) && Boolean(risk['maxDailyLossPct'])
  return (
    <fieldset className="mode">
      <legend>Money</legend>
      <label className="modeWay picked">
        <input type="radio" name="mode" defaultChecked /> <strong>Test</strong>
        <span>Play money at real rules: fees, ticks and partial fills. No key, no risk.</span>
      </label>
      <label className="modeWay" aria-describedby="live-needs">
        <input type="radio" name="mode" disabled /> <strong>Live</strong>
        <span>Real orders at an exchange. Not possible yet:</span>
        <ul id="live-needs">
          <li>live trading is switched off on this server</li>
          <li>
            {valueAt(draft, 'exchange') === 'demo'
              ? 'the demo market has no live trading; a connected exchange is needed'
              : 'no tested connection to this exchange'}
          </li>
          <li>{caps ? 'limits on position and daily loss: set' : 'limits on position size and daily loss (section Risk)'}</li>
        </ul>
      </label>
    </fieldset>
  )
}
