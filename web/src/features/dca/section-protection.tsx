// What holds a bot back: regime filter, circuit breaker, caps; and how it sizes and reserves.

import { useField } from './draft-context.tsx'
import { Block, ChoiceField, CountField, DecimalField, Row, SwitchField, TimeframeField, WayField } from './fields.tsx'
import { useQuote } from './section-base-order.tsx'

const REGIMES = [
  {
    id: 'patient',
    label: 'Patient',
    maPeriod: 200,
    rsiBelow: '30',
    consecutiveBars: 7,
    volumeDecreasePct: '25',
    consolidationBars: 7,
    priceRangePct: '5',
  },
  {
    id: 'balanced',
    label: 'Balanced',
    maPeriod: 200,
    rsiBelow: '30',
    consecutiveBars: 5,
    volumeDecreasePct: '20',
    consolidationBars: 5,
    priceRangePct: '5',
  },
  {
    id: 'quick',
    label: 'Quick',
    maPeriod: 150,
    rsiBelow: '35',
    consecutiveBars: 3,
    volumeDecreasePct: '15',
    consolidationBars: 3,
    priceRangePct: '7',
  },
] as const

export function ProtectionSection() {
  const { value, set } = useField<Record<string, unknown>>('regime')
  return (
    <>
      <Block
        path="regime"
        title="Rest in bear markets"
        help="No new deals and no averaging while the market falls; exits always work"
      >
        <div className="quick">
          {REGIMES.map(({ id, label, ...numbers }) => (
            <button key={id} type="button" onClick={() => set({ ...value, ...numbers })}>
              {label}
            </button>
          ))}
        </div>
        <Row>
          <TimeframeField path="regime.timeframe" label="Timeframe" fallback="1d" />
          <CountField path="regime.consecutiveBars" label="Pauses after bars in a row" fallback={7} min={1} />
        </Row>
        <SwitchField path="regime.belowMa" label="Price is below its moving average" fallback={true} />
        <Row>
          <CountField path="regime.maPeriod" label="Average over" unit="bars" fallback={200} min={1} />
          <DecimalField path="regime.rsiBelow" label="RSI is below" optional placeholder="not used" fallback="30" />
          <CountField path="regime.rsiPeriod" label="RSI over" unit="bars" fallback={14} min={2} />
        </Row>
        <Row>
          <CountField path="regime.consolidationBars" label="Resumes after calm bars" fallback={5} min={1} />
          <DecimalField path="regime.volumeDecreasePct" label="Volume lower by" unit="%" fallback="20" />
          <DecimalField path="regime.priceRangePct" label="Price within" unit="%" fallback="5" />
        </Row>
        <SwitchField path="regime.allowEntryOverride" label="Entry conditions may open a deal all the same" />
      </Block>
      <Block path="emergencyBrake" title="Emergency brake" help="Stops buying when the price breaks down">
        <Block path="emergencyBrake.circuitBreaker" title="Circuit breaker" help="Per pair">
          <Row>
            <DecimalField path="emergencyBrake.circuitBreaker.dropPct" label="Price falls by" unit="%" fallback="10" />
            <CountField path="emergencyBrake.circuitBreaker.windowMin" label="Within" unit="min" fallback={5} min={1} />
          </Row>
        </Block>
        <WayField
          path="emergencyBrake.action"
          label="Then"
          fallback="pause"
          choices={[
            { value: 'pause', label: 'pause' },
            { value: 'pause_and_close', label: 'pause and close deals' },
          ]}
        />
        <Row>
          <TimeframeField path="emergencyBrake.recovery.timeframe" label="Calm is judged on" fallback="1m" />
          <CountField path="emergencyBrake.recovery.stabilizationBars" label="Over bars" fallback={10} min={1} />
          <DecimalField path="emergencyBrake.recovery.maxRangePct" label="Price within" unit="%" fallback="2" />
        </Row>
        <SwitchField path="emergencyBrake.recovery.auto" label="Resumes by itself when calm" fallback={true} />
      </Block>
    </>
  )
}

export function RiskSection() {
  const quote = useQuote()
  return (
    <>
      <Row>
        <ChoiceField
          path="reserve"
          label="Locks for a deal"
          fallback="full_ladder"
          help="What is locked cannot be spent by another deal"
          choices={[
            { value: 'full_ladder', label: 'the whole ladder' },
            { value: 'next_order', label: 'the next order only' },
          ]}
        />
        <DecimalField
          path="reserveBufferPct"
          label="Buffer on top"
          unit="%"
          fallback="0.3"
          help="For slippage of market orders"
        />
      </Row>
      <WayField
        path="profitCurrency"
        label="Profit is kept in"
        fallback="quote"
        choices={[
          { value: 'quote', label: quote },
          { value: 'base', label: 'the coin' },
        ]}
      />
      <Block path="risk" title="Limits" help="Both are needed before a bot may trade real money">
        <Row>
          <DecimalField path="risk.maxPositionQuote" label="Largest position" unit={quote} optional placeholder="no limit" />
          <DecimalField path="risk.maxDailyLossPct" label="Largest loss of a day" unit="%" optional placeholder="no limit" />
        </Row>
      </Block>
      <Block path="sizing" title="Size with the result" help="Later deals grow with gains and shrink with losses">
        <Row>
          <DecimalField path="sizing.reinvestPct" label="Reinvest of gains" unit="%" fallback="0" />
          <DecimalField path="sizing.riskReductionPct" label="Take back of losses" unit="%" fallback="0" />
        </Row>
      </Block>
    </>
  )
}
