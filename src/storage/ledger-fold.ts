// Folds transfers and fills, run by run in the order in which they were booked, into what each deal must hold, have cost and have earned. Written
// anew for the proof: none of the code that made the rows takes part, only exact numbers do.

import { Decimal, ZERO } from '../core/money/decimal.ts'

/** One transfer of a deal with the fill it belongs to; numbers as text. */
export interface BookedRow {
  readonly trade_id: string
  readonly run_id: string
  readonly base: string
  readonly quote: string
  readonly debit: string
  readonly credit: string
  readonly currency: string
  readonly amount: string
  readonly fill_id: string | null
  readonly order_id: string | null
  readonly side: 'buy' | 'sell' | null
  readonly qty: string | null
  readonly price: string | null
  readonly fee: string | null
  readonly fee_currency: string | null
  readonly fee_value_quote: string | null
  readonly reverses: string | null
  readonly fill_order_id: string | null
  readonly fill_trade_id: string | null
  readonly is_last: boolean
}

export interface LedgerDifference {
  /** What was compared. */
  readonly check: string
  /** Which row, by its id. */
  readonly what: string
  readonly stored: string
  readonly recomputed: string
}

export type Tell = (difference: LedgerDifference) => void

const PLACES = 18

export interface OrderSums {
  quantity: Decimal
  value: Decimal
  fees: Decimal
}

/** A deal as its fills and its coins from and to the bot's dust make it. */
export class DealFold {
  readonly runId: string
  quantity = ZERO
  basis = ZERO
  boughtQuantity = ZERO
  boughtValue = ZERO
  soldQuantity = ZERO
  soldValue = ZERO
  gross = ZERO
  fees = ZERO
  readonly orders = new Map<string, OrderSums>()
  /** Result that each sale booked, as long as it may still be reversed: those without a name of the venue. */
  readonly #gains = new Map<string, Decimal>()

  constructor(runId: string) {
    this.runId = runId
  }

  /** @param feeBase part of the fee that left the position as coins. */
  fill(id: string, side: 'buy' | 'sell', price: Decimal, quantity: Decimal, feeValue: Decimal, feeBase: Decimal): void {
    const value = price.times(quantity)
    this.fees = this.fees.plus(feeValue)
    if (side === 'buy') {
      this.boughtQuantity = this.boughtQuantity.plus(quantity)
      this.boughtValue = this.boughtValue.plus(value)
      this.quantity = this.quantity.plus(quantity).minus(feeBase)
      this.basis = this.basis.plus(value).minus(price.times(feeBase))
      return
    }
    const basisBefore = this.basis
    const leaves = quantity.plus(feeBase)
    this.soldQuantity = this.soldQuantity.plus(quantity)
    this.soldValue = this.soldValue.plus(value)
    const feeBasis = price.times(feeBase)
    if (leaves.gte(this.quantity)) {
      this.basis = ZERO
      this.quantity = ZERO
      this.#gain(id, value.plus(feeBasis).minus(basisBefore))
      return
    }
    const out = share(this.basis, quantity, this.quantity)
    this.basis = this.basis.minus(out).minus(feeBasis)
    this.quantity = this.quantity.minus(leaves)
    this.#gain(id, value.minus(out))
  }

  #gain(id: string, gain: Decimal): void {
    this.gross = this.gross.plus(gain)
    this.#gains.set(id, gain)
  }

  /** Takes a fill back; what its replacements cost otherwise stays in the basis. */
  reverse(id: string, side: 'buy' | 'sell', price: Decimal, quantity: Decimal, feeValue: Decimal, feeBase: Decimal): void {
    const value = price.times(quantity)
    const feeBasis = price.times(feeBase)
    this.fees = this.fees.minus(feeValue)
    if (side === 'buy') {
      this.boughtQuantity = this.boughtQuantity.minus(quantity)
      this.boughtValue = this.boughtValue.minus(value)
      this.quantity = this.quantity.minus(quantity).plus(feeBase)
      this.basis = this.basis.minus(value).plus(feeBasis)
      return
    }
    const gain = this.#gains.get(id) ?? ZERO
    this.soldQuantity = this.soldQuantity.minus(quantity)
    this.soldValue = this.soldValue.minus(value)
    this.gross = this.gross.minus(gain)
    this.quantity = this.quantity.plus(quantity).plus(feeBase)
    this.basis = this.basis.plus(value).minus(gain).plus(feeBasis)
  }

  /** Coins without a cost, as the account gives them for what was sold too much. */
  take(quantity: Decimal): void {
    this.quantity = this.quantity.plus(quantity)
  }

  /** A rest that leaves for the dust. @returns its cost. */
  leave(quantity: Decimal): Decimal {
    const out = share(this.basis, quantity, this.quantity)
    this.quantity = this.quantity.minus(quantity)
    this.basis = this.basis.minus(out)
    return out
  }

  join(quantity: Decimal, basis: Decimal): void {
    this.quantity = this.quantity.plus(quantity)
    this.basis = this.basis.plus(basis)
  }

  /** What is left of a cost when nothing is held is result. */
  settle(): void {
    if (!this.quantity.isZero()) return
    this.gross = this.gross.minus(this.basis)
    this.basis = ZERO
  }

  get net(): Decimal {
    return this.gross.minus(this.fees)
  }
}

/** amount x part / whole, all of it where nothing would be left. */
export function share(amount: Decimal, part: Decimal, whole: Decimal): Decimal {
  return part.gte(whole) ? amount : amount.times(part).dividedBy(whole, PLACES, 'half_even')
}

export function average(value: Decimal, quantity: Decimal): Decimal | null {
  return quantity.isPositive() ? value.dividedBy(quantity, PLACES, 'half_even') : null
}

interface DustPool {
  quantity: Decimal
  basis: Decimal
}

/** Takes the rows of one run after another, each in its booking order, and gives each deal out when its last row has come. */
export class LedgerFold {
  readonly #deals = new Map<string, DealFold>()
  /** By run and currency. */
  readonly dust = new Map<string, DustPool>()
  readonly #tell: Tell
  readonly #finished: (tradeId: string, deal: DealFold) => void
  #group: BookedRow[] = []
  fills = 0

  constructor(tell: Tell, finished: (tradeId: string, deal: DealFold) => void) {
    this.#tell = tell
    this.#finished = finished
  }

  add(row: BookedRow): void {
    const [first] = this.#group
    if (first && (row.fill_id === null || row.fill_id !== first.fill_id)) this.#endGroup()
    if (row.fill_id !== null && row.side !== null) this.#group.push(row)
    else this.#move(row)
    if (!row.is_last) return
    this.#endGroup()
    const deal = this.#deal(row)
    deal.settle()
    this.#deals.delete(row.trade_id)
    this.#finished(row.trade_id, deal)
  }

  #deal(row: BookedRow): DealFold {
    let deal = this.#deals.get(row.trade_id)
    if (!deal) {
      deal = new DealFold(row.run_id)
      this.#deals.set(row.trade_id, deal)
    }
    return deal
  }

  /** A transfer without a fill: only what moves coins of the position concerns the deal. */
  #move(row: BookedRow): void {
    const amount = Decimal.from(row.amount)
    if (row.currency !== row.base || (row.debit !== 'position' && row.credit !== 'position')) return
    const deal = this.#deal(row)
    const key = `${row.run_id}|${row.currency}`
    const pool = this.dust.get(key) ?? { quantity: ZERO, basis: ZERO }
    if (row.debit === 'bot_dust') {
      this.dust.set(key, { quantity: pool.quantity.plus(amount), basis: pool.basis.plus(deal.leave(amount)) })
    } else if (row.credit === 'bot_dust') {
      const basis = share(pool.basis, amount, pool.quantity)
      this.dust.set(key, { quantity: pool.quantity.minus(amount), basis: pool.basis.minus(basis) })
      deal.join(amount, basis)
    } else if (row.debit === 'position') deal.take(amount)
    else deal.leave(amount)
  }

  #endGroup(): void {
    const group = this.#group
    const [row] = group
    if (!row) return
    this.#group = []
    this.fills += 1
    const deal = this.#deal(row)
    const fill = {
      id: row.fill_id!,
      price: Decimal.from(row.price!),
      quantity: Decimal.from(row.qty!),
      fee: Decimal.from(row.fee!),
      feeValue: Decimal.from(row.fee_value_quote ?? '0'),
    }
    const sums = this.#proveTransfers(group, row, fill)
    const order = deal.orders.get(row.fill_order_id!) ?? { quantity: ZERO, value: ZERO, fees: ZERO }
    deal.orders.set(row.fill_order_id!, order)
    const value = fill.price.times(fill.quantity)
    if (row.reverses === null) {
      deal.fill(fill.id, row.side!, fill.price, fill.quantity, fill.feeValue, sums.feeBase)
      order.quantity = order.quantity.plus(fill.quantity)
      order.value = order.value.plus(value)
      order.fees = order.fees.plus(fill.feeValue)
    } else {
      deal.reverse(row.reverses, row.side!, fill.price, fill.quantity, fill.feeValue, sums.feeBase)
      order.quantity = order.quantity.minus(fill.quantity)
      order.value = order.value.minus(value)
      order.fees = order.fees.minus(fill.feeValue)
    }
  }

  /** Compares what the transfers of a fill moved with what the fill says they must. */
  #proveTransfers(
    group: readonly BookedRow[],
    row: BookedRow,
    { id, price, quantity, fee, feeValue }: { id: string; price: Decimal; quantity: Decimal; fee: Decimal; feeValue: Decimal },
  ): { feeBase: Decimal } {
    const back = row.reverses !== null
    const net = (account: string, currency: string): Decimal => {
      let sum = ZERO
      for (const each of group) {
        if (each.currency !== currency) continue
        if (each.debit === account) sum = sum.plus(Decimal.from(each.amount))
        if (each.credit === account) sum = sum.minus(Decimal.from(each.amount))
      }
      return back ? sum.negated() : sum
    }
    const expect = (check: string, stored: Decimal, recomputed: Decimal): void => {
      if (!stored.equals(recomputed))
        this.#tell({ check, what: `fill ${id}`, stored: stored.toString(), recomputed: recomputed.toString() })
    }
    const value = price.times(quantity)
    const buys = row.side === 'buy'
    const feeAsset = row.fee_currency ?? row.quote
    expect('transfers of a fill: money', net('market', row.quote), buys ? value : value.negated())
    expect('transfers of a fill: coins', net('market', row.base), buys ? quantity.negated() : quantity)
    expect('transfers of a fill: fee', net('fees', feeAsset), fee)
    // The account pays fees in other coins, and in the deal's own where the deal has none left; it is given their value.
    const paidByAccount = group.some(each => each.debit === 'fees' && each.credit === 'free')
    if (paidByAccount || (feeAsset !== row.quote && feeAsset !== row.base))
      expect('transfers of a fill: fee charged to the bot', net('free', row.quote), feeValue)
    for (const each of group) {
      if (each.order_id === row.fill_order_id && each.trade_id === row.fill_trade_id) continue
      this.#tell({
        check: 'transfers of a fill: order and deal',
        what: `fill ${id}`,
        stored: `${each.order_id ?? 'none'} of ${each.trade_id}`,
        recomputed: `${row.fill_order_id ?? 'none'} of ${row.fill_trade_id ?? 'none'}`,
      })
    }
    return { feeBase: feeAsset === row.base && !paidByAccount ? fee : ZERO }
  }
}
