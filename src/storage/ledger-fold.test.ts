// The fold of the proof against the engine's own lots and postings: two ways of computing must meet to the last digit.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { overfill, reverseFill } from '../core/ledger/overfill.ts'
import { giveUpCoins, moveToDust, postFill, sweepDust } from '../core/ledger/postings.ts'
import type { Transfer } from '../core/ledger/transfer.ts'
import { Decimal } from '../core/money/decimal.ts'
import { type Fill, orderKeyText } from '../core/orders/order.ts'
import {
  applyFill,
  basisOf,
  EMPTY_LOT,
  type Lot,
  type LotFill,
  netPnl,
  releaseRest,
  replaceFill,
  sellBeyond,
} from '../core/positions/lot.ts'
import { type BookedRow, type DealFold, type LedgerDifference, LedgerFold } from './ledger-fold.ts'

const d = Decimal.from
const ZERO = d('0')

function fillOf(id: string, tradeSeq: number, side: 'buy' | 'sell', price: Decimal, quantity: Decimal, feeIn: string): Fill {
  const feeValueQuote = price.times(quantity).times(d('0.001'))
  const fee = feeIn === 'USDT' ? feeValueQuote : feeIn === 'SOL' ? quantity.times(d('0.001')) : feeValueQuote.shifted(-3)
  return {
    tradeSeq,
    purpose: side === 'buy' ? 'base' : 'tp',
    sequence: 1,
    symbol: 'SOL/USDT',
    fillId: id,
    side,
    price,
    quantity,
    fee,
    feeAsset: feeIn,
    feeValueQuote,
    liquidity: 'taker',
    atMs: 0,
  }
}

const lotFill = (fill: Fill): LotFill => ({ ...fill, feeBaseQuantity: fill.feeAsset === 'SOL' ? fill.fee : ZERO })

/** A bot's deals and dust as the engine keeps them, and the rows that its transfers become. */
class Story {
  readonly lots = new Map<number, Lot>()
  readonly rows: BookedRow[] = []
  readonly dust = { quantity: ZERO, basis: ZERO }
  #count = 0

  lot(tradeSeq: number): Lot {
    return this.lots.get(tradeSeq) ?? EMPTY_LOT
  }

  fill(fill: Fill): void {
    const { tradeSeq } = fill
    const lot = this.lot(tradeSeq)
    const into: Transfer[] = []
    const leaving = fill.quantity.plus(lotFill(fill).feeBaseQuantity)
    if (fill.side === 'sell' && leaving.gt(lot.quantity)) {
      overfill(into, { fill, base: 'SOL', quote: 'USDT', held: lot.quantity })
      this.lots.set(tradeSeq, sellBeyond(lot, lotFill(fill)).lot)
    } else {
      postFill(into, { fill, base: 'SOL', quote: 'USDT', lock: d('50') })
      this.lots.set(tradeSeq, applyFill(lot, lotFill(fill)))
    }
    this.#write(into, fill, null)
  }

  /** The latest purchase turns out to be another one. */
  replace(fill: Fill, other: Fill): void {
    const into: Transfer[] = []
    reverseFill(into, { fill, base: 'SOL', quote: 'USDT', fromLock: d('50'), reversalId: `rev-${fill.fillId}` })
    this.#write(into, { ...fill, fillId: `rev-${fill.fillId}` }, fill.fillId)
    const real: Transfer[] = []
    postFill(real, { fill: other, base: 'SOL', quote: 'USDT', lock: ZERO })
    this.#write(real, other, null)
    const { lot } = replaceFill(this.lot(fill.tradeSeq), { ...lotFill(fill), grossPnl: ZERO }, [lotFill(other)])
    this.lots.set(fill.tradeSeq, lot)
  }

  release(tradeSeq: number): void {
    const rest = releaseRest(this.lot(tradeSeq))
    this.lots.set(tradeSeq, rest.lot)
    this.dust.quantity = this.dust.quantity.plus(rest.quantity)
    this.dust.basis = this.dust.basis.plus(rest.basis)
    const into: Transfer[] = []
    moveToDust(into, `dust:${this.#count}`, 'SOL', rest.quantity, tradeSeq)
    this.#write(into, null, null)
  }

  /** Others took coins of the deal. */
  lose(tradeSeq: number, quantity: Decimal): void {
    const lot = this.lot(tradeSeq)
    const basis = lot.basis.minus(basisOf(lot, quantity))
    this.lots.set(tradeSeq, { ...lot, quantity: lot.quantity.minus(quantity), basis })
    const into: Transfer[] = []
    giveUpCoins(into, `ghost:${this.#count}`, 'SOL', quantity, tradeSeq)
    this.#write(into, null, null)
  }

  sweep(tradeSeq: number, percent: number): void {
    const quantity = this.dust.quantity.times(d(percent)).percent()
    if (!quantity.isPositive()) return
    const all = quantity.equals(this.dust.quantity)
    const basis = all ? this.dust.basis : this.dust.basis.times(quantity).dividedBy(this.dust.quantity, 18, 'half_even')
    this.dust.quantity = this.dust.quantity.minus(quantity)
    this.dust.basis = this.dust.basis.minus(basis)
    const lot = this.lot(tradeSeq)
    this.lots.set(tradeSeq, { ...lot, quantity: lot.quantity.plus(quantity), basis: lot.basis.plus(basis) })
    const into: Transfer[] = []
    sweepDust(into, `sweep:${this.#count}`, 'SOL', quantity, tradeSeq)
    this.#write(into, null, null)
  }

  #write(transfers: readonly Transfer[], fill: Fill | null, reverses: string | null): void {
    this.#count += 1
    for (const each of transfers) {
      const trade = String(each.tradeSeq)
      this.rows.push({
        trade_id: trade,
        run_id: 'run',
        base: 'SOL',
        quote: 'USDT',
        debit: each.debit,
        credit: each.credit,
        currency: each.currency,
        amount: each.amount.toString(),
        fill_id: fill?.fillId ?? null,
        order_id: each.orderKey,
        side: fill?.side ?? null,
        qty: fill?.quantity.toString() ?? null,
        price: fill?.price.toString() ?? null,
        fee: fill?.fee.toString() ?? null,
        fee_currency: fill?.feeAsset ?? null,
        fee_value_quote: fill?.feeValueQuote.toString() ?? null,
        reverses,
        fill_order_id: fill ? orderKeyText(fill) : null,
        fill_trade_id: fill ? trade : null,
        is_last: false,
      })
    }
  }

  fold(): { deals: Map<string, DealFold>; differences: LedgerDifference[]; fold: LedgerFold } {
    const deals = new Map<string, DealFold>()
    const differences: LedgerDifference[] = []
    const fold = new LedgerFold(
      each => differences.push(each),
      (id, deal) => deals.set(id, deal),
    )
    const last = new Map(this.rows.map((row, i) => [row.trade_id, i]))
    for (const [i, row] of this.rows.entries()) fold.add({ ...row, is_last: last.get(row.trade_id) === i })
    return { deals, differences, fold }
  }

  assertMet(): void {
    const { deals, differences, fold } = this.fold()
    assert.deepEqual(differences, [])
    for (const [tradeSeq, lot] of this.lots) {
      const deal = deals.get(String(tradeSeq))
      if (!deal) continue
      assert.deepEqual(
        [deal.quantity, deal.basis, deal.gross, deal.net, deal.fees, deal.boughtValue, deal.soldValue].map(String),
        [lot.quantity, lot.basis, lot.grossPnl, netPnl(lot), lot.fees, lot.boughtValue, lot.soldValue].map(String),
      )
    }
    const pool = fold.dust.get('run|SOL')
    assert.equal(String(pool?.quantity ?? ZERO), String(this.dust.quantity))
    assert.equal(String(pool?.basis ?? ZERO), String(this.dust.basis))
  }
}

test('a fill that is taken back and its replacement are folded as the deal has them', () => {
  const story = new Story()
  const synthetic = fillOf('syn:a:2', 1, 'buy', d('100'), d('2'), 'USDT')
  story.fill(synthetic)
  story.replace(synthetic, fillOf('7', 1, 'buy', d('99.5'), d('2'), 'USDT'))
  story.fill(fillOf('8', 1, 'sell', d('101'), d('0.7'), 'USDT'))
  story.assertMet()
})

test('property: any fills, fees, rests and overfills of several deals give the same lots and the same dust', () => {
  const amount = (max: number, places: number) => fc.integer({ min: 1, max }).map(each => d(each).shifted(-places))
  const step = fc.record({
    what: fc.constantFrom('buy', 'buy', 'sell', 'sell', 'release', 'sweep', 'oversell', 'lose'),
    tradeSeq: fc.integer({ min: 1, max: 3 }),
    price: amount(100_000, 2),
    quantity: amount(1_000, 2),
    percent: fc.integer({ min: 1, max: 100 }),
    fee: fc.constantFrom('USDT', 'SOL', 'BNB'),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), steps => {
      const story = new Story()
      steps.forEach(({ what, tradeSeq, price, quantity, percent, fee }, i) => {
        const held = story.lot(tradeSeq).quantity
        if (what === 'buy') story.fill(fillOf(`${i}`, tradeSeq, 'buy', price, quantity, fee))
        else if (what === 'sell') {
          const sold = held.times(d(percent)).percent().toGrid(d('0.0001'), 'floor')
          if (sold.isPositive()) story.fill(fillOf(`${i}`, tradeSeq, 'sell', price, sold, fee))
        } else if (what === 'lose') {
          const lost = held.times(d(percent)).percent().toGrid(d('0.0001'), 'floor')
          if (lost.isPositive()) story.lose(tradeSeq, lost)
        } else if (what === 'oversell') story.fill(fillOf(`${i}`, tradeSeq, 'sell', price, held.plus(quantity), fee))
        else if (what === 'sweep') story.sweep(tradeSeq, percent)
        else if (held.isPositive()) story.release(tradeSeq)
      })
      story.assertMet()
    }),
  )
})
