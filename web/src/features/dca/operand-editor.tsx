// One side of a condition: what kind of value it is, and that kind's own settings.

import { findIndicator, SOURCES } from '../../../../src/core/indicators/index.ts'
import { asRecord } from './draft.ts'
import { useField } from './draft-context.tsx'
import { ChoiceField, CountField, DecimalField, FieldErrors, Row, TimeframeField } from './fields.tsx'
import { INDICATOR_CHOICES, PATTERN_CHOICES, PRICE_CHOICES, spacedName } from './indicator-words.ts'
import { join } from './path.ts'

const LEFT_KINDS = [
  { value: 'indicator', label: 'Indicator' },
  { value: 'price', label: 'Price' },
  { value: 'volume', label: 'Volume' },
  { value: 'volume_avg', label: 'Average volume' },
  { value: 'pattern', label: 'Candle pattern' },
]
const RIGHT_KINDS = [{ value: 'const', label: 'Number' }, { value: 'level', label: 'Usual level' }, ...LEFT_KINDS.slice(0, 4)]
const RANGE_KIND = [{ value: 'range', label: 'Range' }]

const FRESH_OPERANDS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  indicator: { kind: 'indicator', name: 'ema', params: { period: 20 } },
  price: { kind: 'price', field: 'close' },
  volume: { kind: 'volume' },
  volume_avg: { kind: 'volume_avg', period: 20 },
  pattern: { kind: 'pattern', name: 'bullish_engulfing' },
  const: { kind: 'const', value: '30' },
  level: { kind: 'level', name: 'oversold' },
  range: { kind: 'range', low: '30', high: '50' },
}

export function OperandEditor(props: { path: string; side: 'left' | 'right'; range?: boolean; onKind?: (kind: string) => void }) {
  const { path, side, range, onKind } = props
  const { value, set, findings } = useField<Record<string, unknown>>(path)
  const operand = asRecord(value)
  const kind = String(operand['kind'] ?? '')
  const at = (key: string) => join(path, key)
  const kinds = range ? RANGE_KIND : side === 'left' ? LEFT_KINDS : RIGHT_KINDS
  return (
    <div className="operand">
      <Row>
        <ChoiceField
          path={at('kind')}
          label={side === 'left' ? 'Look at' : 'Compare with'}
          choices={kinds}
          onPick={next => {
            set(FRESH_OPERANDS[next])
            onKind?.(next)
          }}
        />
        {kind === 'indicator' && <IndicatorName path={path} />}
        {kind === 'price' && <ChoiceField path={at('field')} label="Price" choices={PRICE_CHOICES} fallback="close" />}
        {kind === 'volume_avg' && <CountField path={at('period')} label="Bars" fallback={20} min={1} />}
        {kind === 'pattern' && <ChoiceField path={at('name')} label="Pattern" choices={PATTERN_CHOICES} />}
        {kind === 'const' && <DecimalField path={at('value')} label="Value" />}
        {kind === 'range' && (
          <>
            <DecimalField path={at('low')} label="From" />
            <DecimalField path={at('high')} label="To" />
          </>
        )}
        {kind === 'level' && (
          <ChoiceField
            path={at('name')}
            label="Level"
            choices={[
              { value: 'oversold', label: 'oversold' },
              { value: 'overbought', label: 'overbought' },
              { value: 'mid', label: 'middle' },
              { value: 'zero', label: 'zero' },
            ]}
          />
        )}
        {kind === 'level' && <DecimalField path={at('value')} label="Own value" placeholder="usual" optional />}
      </Row>
      {kind === 'indicator' && <IndicatorParams path={path} />}
      <FieldErrors findings={findings} />
    </div>
  )
}

/** Bars back and a coarser timeframe: rarely needed, so they stand under "More". */
export function OperandReading({ path, label }: { path: string; label: string }) {
  const { value } = useField<Record<string, unknown>>(path)
  const kind = String(asRecord(value)['kind'] ?? '')
  if (kind === '' || kind === 'const' || kind === 'range' || kind === 'level') return null
  return (
    <Row>
      <CountField path={join(path, 'barsAgo')} label={`${label}: bars back`} help="0 is the latest closed bar" fallback={0} />
      <TimeframeField
        path={join(path, 'timeframe')}
        label={`${label}: timeframe`}
        help="Coarser than the condition's"
        optional
        placeholder="the same"
      />
    </Row>
  )
}

function IndicatorName({ path }: { path: string }) {
  const { set } = useField(path)
  return (
    <ChoiceField
      path={join(path, 'name')}
      label="Indicator"
      choices={INDICATOR_CHOICES}
      onPick={name => {
        const definition = findIndicator(name)
        if (!definition) return
        // Its parameters are its own: those of the former indicator mean nothing here.
        set({ kind: 'indicator', name, params: Object.fromEntries(definition.params.map(spec => [spec.name, spec.default])) })
      }}
    />
  )
}

function IndicatorParams({ path }: { path: string }) {
  const { value } = useField<Record<string, unknown>>(path)
  const operand = asRecord(value)
  const definition = findIndicator(String(operand['name'] ?? ''))
  if (!definition) return null
  const at = (key: string) => join(path, key)
  const several = definition.components.length > 1
  if (definition.params.length === 0 && !several && !definition.usesSource) return null
  return (
    <Row>
      {definition.params.map(spec => {
        const place = join(at('params'), spec.name)
        if ('choices' in spec)
          return (
            <ChoiceField
              key={spec.name}
              path={place}
              label={spacedName(spec.name)}
              fallback={spec.default}
              choices={spec.choices.map(one => ({ value: one, label: one === 'ta_lib' ? 'as TA-Lib' : spacedName(one) }))}
            />
          )
        return spec.integer ? (
          <CountField key={spec.name} path={place} label={spacedName(spec.name)} fallback={spec.default} min={spec.min} />
        ) : (
          <DecimalField key={spec.name} path={place} label={spacedName(spec.name)} fallback={spec.default} />
        )
      })}
      {several && (
        <ChoiceField
          path={at('component')}
          label="Line"
          fallback={definition.components[0] ?? 'value'}
          choices={definition.components.map(one => ({ value: one, label: spacedName(one) }))}
        />
      )}
      {definition.usesSource && (
        <ChoiceField path={at('source')} label="Of" fallback="close" choices={SOURCES.map(one => ({ value: one, label: one }))} />
      )}
    </Row>
  )
}
