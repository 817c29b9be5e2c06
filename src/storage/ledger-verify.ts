// `evenkeel ledger verify`: everything that follows from fills and transfers is computed again and compared with what is stored. One
// read-only snapshot, so that a server may go on trading meanwhile; rows pass by a few thousand at a time, and only what is open at a
// moment of the story is held in memory.

import { Decimal } from '../core/money/decimal.ts'
import type { Database, Transaction } from './database.ts'
import { average, type BookedRow, type DealFold, type LedgerDifference, LedgerFold, type OrderSums } from './ledger-fold.ts'
import { BOOKED, COUNTS, LEDGER_QUERIES, STORED_DEALS, STORED_ORDERS, STORED_STATES } from './ledger-queries.ts'

export type { LedgerDifference } from './ledger-fold.ts'

export interface LedgerReport {
  readonly ok: boolean
  readonly bot: string | null
  /** In the order in which they were found; at most LISTED_DIFFERENCES. */
  readonly differences: readonly LedgerDifference[]
  readonly differenceCount: number
  readonly checked: Readonly<
    Record<'transfers' | 'accounts' | 'fills' | 'orders' | 'deals' | 'positions' | 'funds' | 'holdings' | 'states', number>
  >
  readonly elapsedMs: number
}

export const LISTED_DIFFERENCES = 1_000
const ROWS_PER_FETCH = 5_000
const DEALS_PER_LOOK = 500

export interface LedgerVerifyOptions {
  /** Only what belongs to this bot. */
  readonly botId?: string | undefined
  /** @param done transfers that have been folded, @param total of all that will be. */
  readonly onProgress?: (done: number, total: number) => void
}

/** @throws NOT_PRIVILEGED where the login may not look at all rows. */
export async function verifyLedger(db: Database, options: LedgerVerifyOptions = {}): Promise<LedgerReport> {
  const began = performance.now()
  const botId = options.botId ?? null
  return db.withSystem(
    async tx => {
      await tx.query(`select set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)`)
      const differences: LedgerDifference[] = []
      let differenceCount = 0
      const tell = (difference: LedgerDifference): void => {
        differenceCount += 1
        if (differences.length < LISTED_DIFFERENCES) differences.push(difference)
      }
      const counts = (await tx.one<Omit<LedgerReport['checked'], 'deals' | 'states'>>(COUNTS, [botId]))!
      const { deals, fold } = await foldDeals(tx, botId, tell, done => options.onProgress?.(done, counts.transfers))
      const states = await compareStates(tx, botId, fold, tell)
      for (const { check, sql } of LEDGER_QUERIES) {
        const { rows } = await tx.query<Omit<LedgerDifference, 'check'>>(
          `select what, stored::text, recomputed::text from (${sql}) found`,
          [botId],
        )
        for (const { what, stored, recomputed } of rows)
          tell({ check, what, stored: plain(stored), recomputed: plain(recomputed) })
      }
      return {
        ok: differenceCount === 0,
        bot: botId,
        differences,
        differenceCount,
        checked: { ...counts, deals, states },
        elapsedMs: Math.round(performance.now() - began),
      }
    },
    { isolation: 'repeatable read', readOnly: true, retries: 0 },
  )
}

/** Numbers of the database keep the zeros of their scale. */
function plain(value: string): string {
  return Decimal.isDecimalText(value) ? Decimal.from(value).toString() : value
}

type Tell = (difference: LedgerDifference) => void

async function foldDeals(
  tx: Transaction,
  botId: string | null,
  tell: Tell,
  onProgress: (done: number) => void,
): Promise<{ deals: number; fold: LedgerFold }> {
  let finished = new Map<string, DealFold>()
  let deals = 0
  let done = 0
  const fold = new LedgerFold(tell, (tradeId, deal) => finished.set(tradeId, deal))
  await tx.query(`declare booked no scroll cursor for ${BOOKED}`, [botId])
  for (;;) {
    const { rows } = await tx.query<BookedRow>(`fetch ${ROWS_PER_FETCH} from booked`)
    for (const row of rows) fold.add(row)
    if (finished.size >= DEALS_PER_LOOK || rows.length === 0) {
      deals += finished.size
      await compareDeals(tx, finished, tell)
      finished = new Map()
    }
    if (rows.length === 0) return { deals, fold }
    done += rows.length
    onProgress(done)
  }
}

interface StoredDeal extends Record<string, string | boolean | null> {
  readonly id: string
  readonly deal_status: string
  readonly has_position: boolean
}

const CLOSED: ReadonlySet<string> = new Set(['closed', 'released'])

async function compareDeals(tx: Transaction, deals: ReadonlyMap<string, DealFold>, tell: Tell): Promise<void> {
  if (deals.size === 0) return
  const ids = [...deals.keys()]
  const { rows: stored } = await tx.query<StoredDeal>(STORED_DEALS, [ids])
  for (const row of stored) compareDeal(row, deals.get(row.id)!, tell)
  const { rows: orders } = await tx.query<{
    order_id: string
    trade_id: string
    filled_qty: string
    avg_price: string | null
    fees: string
  }>(STORED_ORDERS, [ids])
  const known = new Set<string>()
  for (const row of orders) {
    known.add(row.order_id)
    compareOrder(row, deals.get(row.trade_id)!.orders.get(row.order_id), tell)
  }
  for (const [tradeId, deal] of deals) {
    for (const [orderId, sums] of deal.orders) {
      if (known.has(orderId)) continue
      tell({
        check: 'order of a fill',
        what: `order ${orderId} of deal ${tradeId}`,
        stored: 'none',
        recomputed: `${sums.quantity} filled`,
      })
    }
  }
}

/** Tells where two numbers differ; null stands for a value that does not exist yet. */
function comparer(check: string, of: string, tell: Tell) {
  return (name: string, stored: string | boolean | null | undefined, recomputed: Decimal | null): void => {
    const same = typeof stored === 'string' ? recomputed !== null && Decimal.from(stored).equals(recomputed) : recomputed === null
    if (same) return
    tell({ check, what: `${name} of ${of}`, stored: String(stored ?? 'none'), recomputed: recomputed?.toString() ?? 'none' })
  }
}

function compareDeal(row: StoredDeal, deal: DealFold, tell: Tell): void {
  const funding = Decimal.from(String(row['funding']))
  const net = deal.net.plus(funding)
  const bought = deal.boughtQuantity.isPositive()
  const closed = CLOSED.has(row.deal_status)
  const sold = closed && deal.soldQuantity.isPositive()
  const trade = comparer('figures of a deal', `deal ${row.id}`, tell)
  trade('size', row['size'], bought ? deal.boughtQuantity : null)
  trade('entry value', row['entry_value'], bought ? deal.boughtValue : null)
  trade('entry price', row['entry_price'], average(deal.boughtValue, deal.boughtQuantity))
  trade('exit value', row['exit_value'], sold ? deal.soldValue : null)
  trade('exit price', row['exit_price'], sold ? average(deal.soldValue, deal.soldQuantity) : null)
  trade('commission', row['commission'], deal.fees)
  trade('gross result', row['gross_pnl'], closed ? deal.gross : null)
  trade('net result', row['net_pnl'], closed ? net : null)
  if (!row.has_position) {
    if (bought)
      tell({ check: 'position of a deal', what: `deal ${row.id}`, stored: 'none', recomputed: deal.quantity.toString() })
    return
  }
  const position = comparer('position of a deal', `deal ${row.id}`, tell)
  position('quantity', row['qty'], deal.quantity)
  position('cost', row['basis_current'], deal.basis)
  if (deal.quantity.isPositive()) position('average price', row['avg_price'], average(deal.basis, deal.quantity))
  position('realised result', row['realized_pnl'], net)
  position('fees', row['fees_paid'], deal.fees)
}

function compareOrder(
  row: { order_id: string; filled_qty: string; avg_price: string | null; fees: string },
  sums: OrderSums | undefined,
  tell: Tell,
): void {
  // An order without fills is compared by a query of its own.
  if (!sums) return
  const order = comparer('fills of an order', `order ${row.order_id}`, tell)
  order('filled quantity', row.filled_qty, sums.quantity)
  order('average price', row.avg_price, average(sums.value, sums.quantity))
  order('fees', row.fees, sums.fees)
}

interface StoredState {
  readonly bot_id: string
  readonly run_id: string
  readonly quote: string
  readonly free: string
  readonly reserved: string
  readonly dust: Readonly<Record<string, { quantity: string; basis: string }>>
  readonly ledger_free: string
  readonly ledger_reserved: string
}

/** What each bot goes on with after a restart: its cash is the ledger's, its kept coins and their cost are those that left its deals. */
async function compareStates(tx: Transaction, botId: string | null, fold: LedgerFold, tell: Tell): Promise<number> {
  const { rows } = await tx.query<StoredState>(STORED_STATES, [botId])
  for (const row of rows) {
    const state = comparer('state of a bot', `bot ${row.bot_id}`, tell)
    state(`free ${row.quote}`, row.free, Decimal.from(row.ledger_free))
    state(`reserved ${row.quote}`, row.reserved, Decimal.from(row.ledger_reserved))
    for (const [currency, kept] of Object.entries(row.dust)) {
      const pool = fold.dust.get(`${row.run_id}|${currency}`)
      state(`kept ${currency}`, kept.quantity, pool?.quantity ?? Decimal.from(0))
      state(`cost of kept ${currency}`, kept.basis, pool?.basis ?? Decimal.from(0))
    }
    for (const [key, pool] of fold.dust) {
      const [runId, currency = ''] = key.split('|')
      if (runId === row.run_id && !row.dust[currency] && !pool.quantity.isZero()) state(`kept ${currency}`, null, pool.quantity)
    }
  }
  return rows.length
}
