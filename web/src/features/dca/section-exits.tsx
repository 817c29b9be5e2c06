// How a deal ends: targets, trailing, restart, stop loss, time and conditions.

import { ActionIcon, Button } from '@mantine/core'
import { Icon } from '../../ui/icon.tsx'
import { asRecord } from './draft.ts'
import { useDraft, useField } from './draft-context.tsx'
import { Block, ChoiceField, CountField, DecimalField, FieldErrors, fieldId, Row, SwitchField, WayField } from './fields.tsx'
import { join } from './path.ts'
import { PlaybookEditor } from './playbook-editor.tsx'
import { useQuote } from './section-base-order.tsx'

export function ExitsSection() {
  const { findings } = useField('exits')
  return (
    <>
      {findings.length > 0 && (
        <div id={fieldId('exits')} tabIndex={-1}>
          <FieldErrors findings={findings} />
        </div>
      )}
      <WayField
        path="exits.profitBasis"
        label="Profit percents are"
        fallback="gross"
        choices={[
          { value: 'gross', label: 'before fees' },
          { value: 'net', label: 'after fees of both legs' },
        ]}
      />
      <Block path="exits.takeProfit" title="Take profit" help="One target, or several that each sell a part">
        <ChoiceField
          path="exits.takeProfit.from"
          label="Counted from"
          fallback="average"
          choices={[
            { value: 'average', label: 'the average price' },
            { value: 'base_order', label: 'the base order' },
          ]}
        />
        <Targets />
        <WayField
          path="exits.takeProfit.placement"
          label="Sell orders wait"
          fallback="resting"
          choices={[
            { value: 'resting', label: 'on the exchange' },
            { value: 'virtual', label: 'in the bot' },
          ]}
        />
      </Block>
      <Block
        path="exits.trailing"
        title="Trailing take profit"
        help="From a profit on, follows the price and sells what is left when it turns"
      >
        <Row>
          <DecimalField path="exits.trailing.activationPct" label="Begins at a profit of" unit="%" fallback="10" />
          <DecimalField
            path="exits.trailing.distancePct"
            label="Sells after a fall of"
            unit="%"
            fallback="5"
            help="From the highest price since"
          />
        </Row>
      </Block>
      <StopLoss />
      <Block
        path="exits.takeProfitAndRestart"
        title="Take profit and restart"
        help="Sells all at the target and opens the next deal at once"
      >
        <Row>
          <DecimalField path="exits.takeProfitAndRestart.targetPct" label="Target" unit="%" fallback="30" />
          <ChoiceField
            path="exits.takeProfitAndRestart.capital"
            label="Next deal uses"
            fallback="original"
            choices={[
              { value: 'original', label: 'the original size' },
              { value: 'compounded', label: 'the profit too' },
            ]}
          />
        </Row>
        <SwitchField path="exits.takeProfitAndRestart.waitForSignal" label="Wait for the entry conditions again" />
      </Block>
      <Block path="exits.timeExit" title="Close after a time" help="Counted from the first fill">
        <Row>
          <CountField
            path="exits.timeExit.maxHoldSec"
            label="Hold at most"
            unit="s"
            fallback={2_592_000}
            min={60}
            help="86400 is a day"
          />
          <DecimalField
            path="exits.timeExit.minProfitPct"
            label="Only at a profit of"
            unit="%"
            optional
            placeholder="any"
            fallback="10"
          />
        </Row>
      </Block>
      <Block path="exits.closeBy" title="Close on conditions" help="Sells all when they are true">
        <PlaybookEditor path="exits.closeBy.playbook" title="Conditions" what="the deal is sold when it turns true" />
        <DecimalField
          path="exits.closeBy.minProfitPct"
          label="Only at a profit of at least"
          unit="%"
          optional
          placeholder="any"
        />
      </Block>
    </>
  )
}

function Targets() {
  const path = 'exits.takeProfit.targets'
  const { value, set, findings } = useField<Record<string, unknown>[]>(path)
  const targets = Array.isArray(value) ? value : []
  return (
    <div>
      <ol className="levels">
        {targets.map((_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: targets have no identity of their own; their place is it
          <li key={index}>
            <Row>
              <DecimalField path={join(join(path, index), 'profitPct')} label={`Target ${index + 1}: profit`} unit="%" />
              <DecimalField path={join(join(path, index), 'sellPct')} label="Sells" unit="%" />
            </Row>
            <ActionIcon
              aria-label={`Remove target ${index + 1}`}
              disabled={targets.length === 1}
              onClick={() => set(targets.filter((_, i) => i !== index))}
            >
              <Icon name="trash" size={16} />
            </ActionIcon>
          </li>
        ))}
      </ol>
      <FieldErrors findings={findings} />
      {targets.length < 10 && (
        <Button
          size="xs"
          variant="light"
          leftSection={<Icon name="plus" size={15} />}
          onClick={() => {
            // The new target takes half of the last one's share, so that the sum stays what it was.
            const last = targets.at(-1)
            const share = Number(last?.['sellPct'] ?? 100)
            const half = Math.max(1, Math.floor(share / 2))
            const profit = Number(last?.['profitPct'] ?? 1)
            set([
              ...targets.slice(0, -1),
              { ...asRecord(last), sellPct: String(share - half) },
              { profitPct: String(Math.round((profit + 1) * 100) / 100), sellPct: String(half) },
            ])
          }}
        >
          Add a target
        </Button>
      )}
    </div>
  )
}

function StopLoss() {
  const { draft } = useDraft()
  const quote = useQuote()
  const { value, set } = useField<Record<string, unknown>>('exits.stopLoss')
  const stop = asRecord(value)
  const type = String(stop['type'] ?? 'pct')
  const pairs = Array.isArray(draft['pairs']) ? (draft['pairs'] as unknown[]).map(String) : []
  const byPair = stop['prices'] !== null && stop['prices'] !== undefined
  return (
    <Block path="exits.stopLoss" title="Stop loss" help="Sells all when the loss is this large">
      <Row>
        <ChoiceField
          path="exits.stopLoss.type"
          label="Measured as"
          fallback="pct"
          choices={[
            { value: 'pct', label: 'percent' },
            { value: 'price', label: 'price' },
            { value: 'amount', label: `loss in ${quote}` },
          ]}
          onPick={next => {
            const { value: _value, prices: _prices, ...rest } = stop
            set({
              ...rest,
              type: next,
              ...(next === 'price' && pairs.length > 1 ? { prices: {} } : { value: next === 'pct' ? '15' : '' }),
            })
          }}
        />
        {!byPair && (
          <DecimalField
            path="exits.stopLoss.value"
            label={type === 'pct' ? 'Loss' : type === 'price' ? 'Price' : 'Loss'}
            unit={type === 'pct' ? '%' : quote}
          />
        )}
        {type === 'pct' && (
          <ChoiceField
            path="exits.stopLoss.basis"
            label="Counted from"
            fallback="average"
            choices={[
              { value: 'average', label: 'the average price' },
              { value: 'base_order', label: 'the base order' },
              { value: 'last_entry', label: 'the last buy' },
            ]}
          />
        )}
      </Row>
      {byPair && (
        <Row>
          {pairs.map(pair => (
            <DecimalField key={pair} path={join('exits.stopLoss.prices', pair)} label={`Stop of ${pair}`} unit={quote} />
          ))}
        </Row>
      )}
      <SwitchField
        path="exits.stopLoss.trailing"
        label="Follow the price"
        help="The stop rises with the best price since the first fill"
      />
      <Row>
        <CountField
          path="exits.stopLoss.timeoutSec"
          label="Must stay beyond it for"
          unit="s"
          fallback={0}
          help="0 acts at once"
        />
        <CountField
          path="exits.stopLoss.breakEvenAfterTarget"
          label="To break-even after target"
          optional
          placeholder="never"
          min={1}
        />
      </Row>
      <Row>
        <ChoiceField
          path="exits.stopLoss.action"
          label="When it fires"
          fallback="close"
          choices={[
            { value: 'close', label: 'close the deal' },
            { value: 'close_and_pause', label: 'close and pause the bot' },
            { value: 'close_and_stop', label: 'close and stop the bot' },
          ]}
        />
        <ChoiceField
          path="exits.stopLoss.placement"
          label="The stop waits"
          placeholder="as the exchange allows"
          optional
          choices={[
            { value: 'resting', label: 'on the exchange' },
            { value: 'virtual', label: 'in the bot' },
          ]}
          onClear={() => {
            const { placement: _placement, ...rest } = stop
            set(rest)
          }}
        />
      </Row>
    </Block>
  )
}
