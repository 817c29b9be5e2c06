// Averaging orders (3Commas: safety orders): when the next one is placed, how large it is, and what limits them.

import { ActionIcon, Button, Switch } from '@mantine/core'
import { Icon } from '../../ui/icon.tsx'
import { asRecord } from './draft.ts'
import { useField } from './draft-context.tsx'
import { Block, ChoiceField, CountField, DecimalField, FieldErrors, Row, SwitchField, WayField } from './fields.tsx'
import { join } from './path.ts'
import { PlaybookEditor } from './playbook-editor.tsx'
import { useQuote } from './section-base-order.tsx'

const RULES = [
  { value: 'ladder', label: 'Ladder: fixed steps below the base order' },
  { value: 'levels', label: 'Own levels, each with its amount' },
  { value: 'down_from_last', label: 'Percent below the last buy' },
  { value: 'down_from_average', label: 'Percent below the average price' },
  { value: 'loss_pct', label: 'Unrealised loss in percent' },
  { value: 'loss_amount', label: 'Unrealised loss in money' },
  { value: 'condition', label: 'When conditions are true' },
]

const FRESH_RULES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ladder: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' },
  levels: {
    type: 'levels',
    levels: [
      { id: 'l1', dropPct: '2', amount: '100', enabled: true },
      { id: 'l2', dropPct: '5', amount: '150', enabled: true },
    ],
  },
  down_from_last: { type: 'down_from_last', value: '5' },
  down_from_average: { type: 'down_from_average', value: '5' },
  loss_pct: { type: 'loss_pct', value: '10' },
  loss_amount: { type: 'loss_amount', value: '100' },
  condition: { type: 'condition', playbook: null },
}

export function AveragingSection() {
  const quote = useQuote()
  const { value: rule, set: setRule } = useField<Record<string, unknown>>('averaging.rule')
  const { value: amountType } = useField<string>('averaging.amount.type')
  const type = String(asRecord(rule)['type'] ?? 'ladder')
  const unit = amountType === 'fixed' ? quote : amountType === 'balance_pct' ? '% of balance' : '% of base'
  return (
    <Block
      path="averaging"
      title="Buy more when the price falls"
      help="Averaging orders, also known as safety orders, lower the average price"
    >
      <ChoiceField
        path="averaging.rule.type"
        label="Next order"
        choices={RULES}
        fallback="ladder"
        onPick={next => setRule(FRESH_RULES[next])}
      />
      {type === 'ladder' && (
        <Row>
          <DecimalField path="averaging.rule.stepPct" label="First step" unit="%" help="Below the base order" />
          <DecimalField path="averaging.rule.stepScale" label="Step scale" fallback="1" help="Each step times this" />
        </Row>
      )}
      {type === 'levels' && <LevelsTable unit={unit} />}
      {(type === 'down_from_last' || type === 'down_from_average' || type === 'loss_pct') && (
        <DecimalField path="averaging.rule.value" label={type === 'loss_pct' ? 'Loss' : 'Fall'} unit="%" />
      )}
      {type === 'loss_amount' && <DecimalField path="averaging.rule.value" label="Loss" unit={quote} />}
      {type === 'condition' && (
        <PlaybookEditor path="averaging.rule.playbook" title="Conditions" what="each time it turns true, one order is bought" />
      )}
      <Row>
        {type !== 'levels' && <DecimalField path="averaging.amount.value" label="First amount" unit={unit} fallback="100" />}
        <ChoiceField
          path="averaging.amount.type"
          label="Amounts in"
          fallback="base_pct"
          choices={[
            { value: 'base_pct', label: 'percent of the base order' },
            { value: 'fixed', label: quote },
            { value: 'balance_pct', label: 'percent of the free balance' },
          ]}
        />
        {type !== 'levels' && (
          <DecimalField path="averaging.volumeScale" label="Volume scale" fallback="1" help="Each amount times this" />
        )}
      </Row>
      <Row>
        <CountField
          path="averaging.maxOrders"
          label="Orders per deal"
          fallback={5}
          optional={type === 'levels'}
          placeholder="all levels"
        />
        <CountField path="averaging.maxOrdersAllDeals" label="Orders in all deals" fallback={20} min={1} />
        <DecimalField path="averaging.maxInvestmentPerDeal" label="Most per deal" unit={quote} optional placeholder="no limit" />
      </Row>
      <WayField
        path="averaging.placement"
        label="Orders wait"
        fallback="resting"
        choices={[
          { value: 'resting', label: 'on the exchange' },
          { value: 'virtual', label: 'in the bot' },
        ]}
      />
      <Row>
        <CountField path="averaging.activeOrdersCount" label="On the exchange at once" fallback={1} min={1} />
        <ChoiceField
          path="averaging.orderType"
          label="Order type"
          fallback="limit"
          choices={[
            { value: 'limit', label: 'limit' },
            { value: 'market', label: 'market' },
          ]}
        />
      </Row>
      <Block
        path="averaging.cooldown"
        title="Rest between buys"
        help="Orders are then watched by the bot instead of resting on the exchange"
      >
        <Row>
          <CountField path="averaging.cooldown.n" label="For" />
          <ChoiceField
            path="averaging.cooldown.unit"
            label="Unit"
            fallback="minutes"
            choices={[
              { value: 'minutes', label: 'minutes' },
              { value: 'bars', label: 'bars of the timeframe' },
            ]}
          />
        </Row>
      </Block>
      <SwitchField path="averaging.waitForPrevious" label="Wait until the previous order is filled" />
      <Block
        path="averaging.stopOnLoss"
        title="Stop averaging at a loss"
        help="Adds nothing while the unrealised loss is this large"
      >
        <Row>
          <DecimalField path="averaging.stopOnLoss.value" label="Loss" />
          <ChoiceField
            path="averaging.stopOnLoss.type"
            label="In"
            fallback="pct"
            choices={[
              { value: 'pct', label: 'percent' },
              { value: 'amount', label: quote },
            ]}
          />
        </Row>
      </Block>
      <ExtraGate />
    </Block>
  )
}

function ExtraGate() {
  const { value, set } = useField('averaging.requirePlaybook')
  const shown = value !== null && value !== undefined
  return (
    <div className="block">
      <Switch
        label="Only while conditions are true"
        description="An extra gate on every averaging order"
        checked={shown}
        styles={{ label: { fontWeight: 600 } }}
        onChange={event => set(event.currentTarget.checked ? { gate: 'all', items: [] } : null)}
      />
      {shown && (
        <div className="blockBody">
          <PlaybookEditor path="averaging.requirePlaybook" title="Conditions" what="averaging waits for it" />
        </div>
      )}
    </div>
  )
}

function LevelsTable({ unit }: { unit: string }) {
  const path = 'averaging.rule.levels'
  const { value, set, findings } = useField<Record<string, unknown>[]>(path)
  const levels = Array.isArray(value) ? value : []
  return (
    <div>
      <ol className="levels">
        {levels.map((level, index) => (
          <li key={String(level['id'] ?? index)}>
            <Row>
              <DecimalField path={join(join(path, index), 'dropPct')} label={`Level ${index + 1}: fall`} unit="%" />
              <DecimalField path={join(join(path, index), 'amount')} label="Amount" unit={unit} />
            </Row>
            <Switch
              size="xs"
              aria-label={`Level ${index + 1} is used`}
              checked={level['enabled'] !== false}
              onChange={event =>
                set(levels.map((one, i) => (i === index ? { ...one, enabled: event.currentTarget.checked } : one)))
              }
            />
            <ActionIcon
              aria-label={`Remove level ${index + 1}`}
              disabled={levels.length === 1}
              onClick={() => set(levels.filter((_, i) => i !== index))}
            >
              <Icon name="trash" size={16} />
            </ActionIcon>
          </li>
        ))}
      </ol>
      <FieldErrors findings={findings} />
      <Button
        size="xs"
        variant="light"
        leftSection={<Icon name="plus" size={15} />}
        onClick={() => {
          const last = levels.at(-1)
          const drop = Number(last?.['dropPct'] ?? 0)
          const taken = new Set(levels.map(one => one['id']))
          let number = levels.length + 1
          while (taken.has(`l${number}`)) number++
          set([
            ...levels,
            {
              id: `l${number}`,
              dropPct: String(Math.round((drop + 2) * 100) / 100),
              amount: last?.['amount'] ?? '100',
              enabled: true,
            },
          ])
        }}
      >
        Add a level
      </Button>
    </div>
  )
}
