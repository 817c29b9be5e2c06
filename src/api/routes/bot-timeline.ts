// One line of time for a bot: what was ordered, what was executed, why, and what was said about it.

import { timelineSchema } from '../../contract/decisions.ts'
import type { Handler } from '../http.ts'
import { type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'

// The time of a row is the market's: a replayed run lives at another time than the clock on the wall, and events say theirs in atMs.
const EVERYTHING = `(
  select coalesce(o.submitted_at, o.created_at) as at, 'order' as kind, o.order_id::text as id, o.bot_id, o.run_id, o.trade_id, o.symbol,
    format('%s %s %s %s %s', o.side, o.order_type, o.purpose, trim_scale(o.qty), o.status) as title,
    jsonb_build_object('side', o.side, 'purpose', o.purpose, 'orderType', o.order_type, 'status', o.status,
      'qty', trim_scale(o.qty)::text, 'limitPrice', trim_scale(o.limit_price)::text, 'stopPrice', trim_scale(o.stop_price)::text,
      'avgPrice', trim_scale(o.avg_price)::text, 'filledQty', trim_scale(o.filled_qty)::text) as data
  from order_logs o
  union all
  select f.filled_at, 'fill', f.fill_id::text, o.bot_id, o.run_id, f.trade_id, f.symbol,
    format('%s %s at %s', case f.side when 'buy' then 'bought' else 'sold' end, trim_scale(f.qty), trim_scale(f.price)),
    jsonb_build_object('orderId', f.order_id, 'side', f.side, 'qty', trim_scale(f.qty)::text, 'price', trim_scale(f.price)::text,
      'fee', trim_scale(f.fee)::text, 'feeCurrency', f.fee_currency)
  from fills f join order_logs o on o.order_id = f.order_id
  union all
  select d.decided_at, 'decision', d.decision_id, d.bot_id, d.run_id, null, d.symbol, d.reason,
    jsonb_build_object('outcome', d.outcome, 'timeframe', d.timeframe)
  from decisions d where d.outcome in ('entered', 'averaged', 'exited', 'blocked', 'error')
  union all
  select coalesce(to_timestamp((e.details ->> 'atMs')::double precision / 1000), e.created_at), 'event', e.id::text, e.bot_id, e.run_id,
    e.trade_id, e.symbol, e.message, jsonb_build_object('eventType', e.event_type, 'severity', e.severity)
  from system_events e where e.event_type <> 'DECISION_TRACE'
) t`

const TIMELINE = {
  name: 'timeline',
  from: EVERYTHING,
  item: timelineSchema,
  order: [
    { sql: 't.at', type: 'time' },
    { sql: 't.kind', type: 'text' },
    { sql: 't.id', type: 'text' },
  ],
  descending: true,
} satisfies ListSpec<typeof timelineSchema>

export const botTimeline: Handler<'botTimeline'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      const where = new Where()
        .add('t.bot_id = ?', params.id)
        .uuid('t.run_id = ?', 'runId', query.runId)
        .uuid('t.trade_id = ?', 'tradeId', query.tradeId)
      return listRows(tx, TIMELINE, query, where)
    },
    { readOnly: true },
  )
