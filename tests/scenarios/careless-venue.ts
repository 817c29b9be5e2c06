/**
 * A venue that loses answers, refuses, cuts fills, fills what it has cancelled and revives what has ended, while it keeps honest books of
 * what truly happened. Which of all that could happen next does, is drawn from a list of numbers.
 */

import assert from 'node:assert/strict'
import { PAIR } from '../../src/core/dca/config.fixture.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import { type Fill, isLive, type Order, type OrderKey, orderKeyText } from '../../src/core/orders/order.ts'
import type { OrderEvent } from '../../src/core/orders/transitions.ts'
import type { VenueStory } from './venue-story.ts'

/** How an order truly stands. */
interface Truth {
  readonly key: OrderKey
  readonly text: string
  readonly order: Order
  stage: 'unsent' | 'travelling' | 'open' | 'ended' | 'nowhere'
  filled: Decimal
  untold: Fill[]
  /** What it ended by; the word is told after its fills. */
  end: OrderEvent | null
  /** A cancel or a question of the machine's that is not answered. */
  cancel: 'none' | 'asked' | 'sent'
  asked: boolean
}

interface Move {
  readonly name: string
  readonly act: () => void
}

export class CarelessVenue {
  readonly story: VenueStory
  readonly truths = new Map<string, Truth>()
  readonly fills: Fill[] = []
  /** Fills of sells that contradict what the venue had said: only they may sell what is not held. */
  brokeItsWord = false
  readonly log: string[] = []
  #heard = 0
  #random: () => number

  constructor(story: VenueStory, random: () => number) {
    this.story = story
    this.#random = random
    this.#listen()
  }

  #listen(): void {
    const { commands } = this.story
    for (; this.#heard < commands.length; this.#heard += 1) {
      const command = commands[this.#heard]!
      if (command.kind === 'place_order') {
        const { order } = command
        const { tradeSeq, purpose, sequence } = order
        const text = orderKeyText(order)
        const stood = { stage: 'unsent', filled: ZERO, untold: [], end: null, cancel: 'none', asked: false } as const
        this.truths.set(text, { key: { tradeSeq, purpose, sequence }, text, order, ...stood, untold: [] })
      } else if (command.kind === 'cancel_order') this.#truth(command.order).cancel = 'asked'
      else if (command.kind === 'query_order') this.#truth(command.order).asked = true
    }
  }

  #truth(key: OrderKey): Truth {
    return this.truths.get(orderKeyText(key))!
  }

  #pick(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #do(name: string, act: () => void): void {
    this.log.push(name)
    this.story.nowMs += 1 + this.#pick(3000)
    act()
    this.#listen()
  }

  #tell(truth: Truth, event: OrderEvent, reason: string | null = null): void {
    this.log.push(`  ${truth.text} ${event}`)
    const record = this.story.record(nameOf(truth.key))!
    const { nowMs: atMs } = this.story
    this.story.tell({ kind: 'order_event', atMs, event, order: truth.key, reason, record })
    this.#listen()
  }

  /** Something executes at the venue; nobody is told yet. */
  #trade(truth: Truth, quantity: Decimal): void {
    const price = truth.order.limitPrice ?? Decimal.from(90 + this.#pick(20))
    const { rate, asset } = FEES[this.#pick(truth.order.side === 'buy' ? FEES.length : FEES.length - 1)]!
    const value = price.times(quantity).times(Decimal.from(rate))
    const fee = asset === 'BTC' ? quantity.times(Decimal.from(rate)) : value
    const id = `v${this.fills.length + 1}`
    const fill: Fill = {
      ...truth.key,
      symbol: PAIR,
      fillId: id,
      side: truth.order.side,
      price,
      quantity,
      fee,
      feeAsset: asset,
      feeValueQuote: value,
      liquidity: 'taker',
      atMs: this.story.nowMs,
    }
    truth.filled = truth.filled.plus(quantity)
    truth.untold.push(fill)
    this.fills.push(fill)
    this.log.push(`  ${truth.text} trades ${quantity} @ ${price}`)
    if (truth.stage === 'open' && truth.filled.gte(truth.order.quantity)) truth.stage = 'ended'
  }

  #tellFill(truth: Truth, index: number): void {
    const [fill] = truth.untold.splice(index, 1)
    this.log.push(`  ${truth.text} fill ${fill!.quantity} is told`)
    const record = this.story.record(nameOf(truth.key))!
    this.story.tell({ kind: 'fill_reported', atMs: this.story.nowMs, fill: fill!, record })
    this.#listen()
  }

  /** How it stands, as an honest answer: fills first, then the word. */
  #answer(truth: Truth): void {
    truth.asked = false
    while (truth.untold.length > 0) this.#tellFill(truth, 0)
    if (truth.stage === 'open') this.#tell(truth, 'accepted')
    else if (truth.stage === 'ended' && truth.end) this.#tell(truth, truth.end)
    else if (truth.stage === 'nowhere' && this.#statusOf(truth) === 'unknown') this.#tell(truth, 'absent')
  }

  #statusOf(truth: Truth): string {
    return this.story.image(nameOf(truth.key))!.status
  }

  #moves(): Move[] {
    const moves: Move[] = []
    const add = (name: string, act: () => void, weight = 1): void => {
      for (let i = 0; i < weight; i += 1) moves.push({ name, act })
    }
    for (const truth of this.truths.values()) {
      const name = truth.text
      const rest = truth.order.quantity.minus(truth.filled)
      const isOpen = truth.stage === 'open'
      if (truth.stage === 'unsent') {
        if (truth.cancel === 'asked') add(`${name} is withdrawn`, () => this.#withdraw(truth), 2)
        else add(`${name} goes out`, () => this.#send(truth), 4)
      }
      if (truth.stage === 'travelling') add(`${name} arrives`, () => this.#arrive(truth), 4)
      if (isOpen && rest.isPositive()) {
        add(`${name} trades`, () => this.#trade(truth, rest), 2)
        add(`${name} trades in part`, () => this.#trade(truth, partOf(rest, 1 + this.#pick(9))), 2)
        if (truth.order.type !== 'market') add(`${name} expires`, () => this.#end(truth, 'expired'))
        if (this.#statusOf(truth) === 'open') add(`${name} is missing`, () => this.#tell(truth, 'missing'))
      }
      if (isOpen && this.#random() < 0.1) add(`${name} trades too much`, () => this.#overtrade(truth, rest))
      if (truth.untold.length > 0) add(`${name} is told`, () => this.#tellFill(truth, this.#pick(truth.untold.length)), 5)
      if (truth.stage === 'ended' && truth.end && rest.isPositive() && truth.untold.length === 0 && this.#random() < 0.1) {
        add(`${name} trades after its end`, () => this.#tradeLate(truth, partOf(rest, 1 + this.#pick(9))))
        add(`${name} lives again`, () => this.#revive(truth))
      }
      if (this.#statusOf(truth) === 'unknown' || truth.asked) add(`${name} is looked up`, () => this.#answer(truth), 2)
      if (truth.cancel === 'asked' && truth.stage !== 'unsent') add(`cancel ${name} goes out`, () => this.#sendCancel(truth), 3)
      if (truth.cancel === 'sent') add(`cancel ${name} arrives`, () => this.#cancel(truth), 3)
    }
    const { story } = this
    const watches = story.machine.watches(story.state)
    for (const watch of watches) {
      if (watch.kind !== 'price_at_or_below' && watch.kind !== 'price_at_or_above') continue
      const touched = { kind: 'price_touched', watch: watch.id, price: watch.price } as const
      add(`touch ${watch.id}`, () => story.tell({ ...touched, atMs: story.nowMs }))
    }
    add('time passes', () => story.waits(1000 + this.#pick(20_000)), 2)
    add('a bar closes', () => story.waits(3_600_000).closes(String(90 + this.#pick(20))), 2)
    const { tradeSeq } = story.state.deals[0] ?? { tradeSeq: 0 }
    if (tradeSeq > 0 && this.#random() < 0.2) add(`close ${tradeSeq}`, () => story.command({ type: 'close_deal', tradeSeq }))
    if (this.#random() < 0.1) {
      const level = story.state.safety === 'normal' ? 'halted' : 'normal'
      add(`safety ${level}`, () => story.tell({ kind: 'safety_changed', atMs: story.nowMs, level, reason: 'drawn' }))
      const openDifferences = story.state.openDifferences === 0 ? 1 : 0
      add(`differences ${openDifferences}`, () => story.tell({ kind: 'reconciled', atMs: story.nowMs, openDifferences }))
    }
    return moves
  }

  #send(truth: Truth): void {
    truth.stage = 'travelling'
    this.#tell(truth, 'sent')
  }

  #withdraw(truth: Truth): void {
    truth.stage = 'ended'
    truth.cancel = 'none'
    this.#tell(truth, 'withdrawn')
  }

  #arrive(truth: Truth): void {
    const dice = this.#pick(10)
    if (dice === 0) {
      truth.stage = 'nowhere'
      this.#tell(truth, 'rejected', ['busy', 'funds', 'stop price would trigger immediately'][this.#pick(3)]!)
    } else if (dice === 1) {
      truth.stage = 'nowhere'
      this.#tell(truth, 'lost_touch')
    } else {
      truth.stage = 'open'
      if (dice === 2) this.#tell(truth, 'lost_touch')
      else if (dice === 3) this.#trade(truth, truth.order.quantity)
      else this.#tell(truth, 'accepted')
      if (dice === 3) this.#tellFill(truth, 0)
    }
  }

  #end(truth: Truth, end: OrderEvent): void {
    truth.stage = 'ended'
    truth.end = end
    this.#answer(truth)
  }

  #overtrade(truth: Truth, rest: Decimal): void {
    if (truth.order.side === 'sell') this.brokeItsWord = true
    this.#trade(truth, rest.plus(partOf(truth.order.quantity, 2)))
  }

  #tradeLate(truth: Truth, quantity: Decimal): void {
    if (truth.order.side === 'sell') this.brokeItsWord = true
    this.#trade(truth, quantity)
  }

  #revive(truth: Truth): void {
    if (truth.order.side === 'sell') this.brokeItsWord = true
    truth.stage = 'open'
    truth.end = null
    truth.cancel = 'none'
    this.#tell(truth, 'accepted')
  }

  #sendCancel(truth: Truth): void {
    truth.cancel = 'sent'
    this.#tellCancel(truth, 'cancel_sent')
  }

  #tellCancel(truth: Truth, kind: 'cancel_sent' | 'cancel_refused' | 'cancel_lost'): void {
    this.log.push(`  ${truth.text} ${kind}`)
    this.story.tell({ kind, atMs: this.story.nowMs, order: truth.key, reason: null })
    this.#listen()
  }

  #cancel(truth: Truth): void {
    truth.cancel = 'none'
    const dice = this.#pick(8)
    if (truth.stage === 'open' && dice < 4) this.#end(truth, 'cancelled')
    else if (truth.stage === 'open' && dice === 4) {
      truth.stage = 'ended'
      truth.end = 'cancelled'
      this.#tellCancel(truth, 'cancel_lost')
    } else this.#tellCancel(truth, dice === 5 ? 'cancel_lost' : 'cancel_refused')
  }

  /** One of all that could happen next. */
  step(): void {
    const moves = this.#moves()
    const move = moves[this.#pick(moves.length)]!
    this.#do(move.name, move.act)
  }

  /** No lies any more: everything is told, everything that is asked is done, and the bot is to leave. */
  settle(): void {
    const { story } = this
    this.#do('halted', () => story.tell({ kind: 'safety_changed', atMs: story.nowMs, level: 'halted', reason: 'the end' }))
    this.#do('agreed', () => story.tell({ kind: 'reconciled', atMs: story.nowMs, openDifferences: 0 }))
    for (let round = 0; round < 200; round += 1) {
      for (const { tradeSeq } of story.state.deals)
        this.#do(`close ${tradeSeq}`, () => story.command({ type: 'close_deal', tradeSeq }))
      for (const truth of [...this.truths.values()]) this.#do(`settle ${truth.text}`, () => this.#settleOrder(truth))
      this.#do('time passes', () => story.waits(60_000))
      const quiet = [...this.truths.values()].every(
        each => each.untold.length === 0 && each.stage !== 'unsent' && each.stage !== 'open',
      )
      if (quiet && story.state.deals.length === 0) return
    }
    assert.fail(`the deals do not end:\n${this.log.slice(0, 60).join('\n')}`)
  }

  #settleOrder(truth: Truth): void {
    if (truth.stage === 'unsent') {
      if (truth.cancel === 'asked') this.#withdraw(truth)
      else {
        this.#send(truth)
        truth.stage = 'open'
        this.#tell(truth, 'accepted')
      }
    } else if (truth.stage === 'travelling') {
      truth.stage = 'open'
      this.#tell(truth, 'accepted')
    }
    const rest = truth.order.quantity.minus(truth.filled)
    const works = truth.order.type === 'market' || (truth.order.type === 'stop' && truth.filled.isPositive())
    if (truth.stage === 'open' && works) this.#trade(truth, rest)
    while (truth.untold.length > 0) this.#tellFill(truth, 0)
    if (truth.cancel !== 'none') {
      if (truth.cancel === 'asked') this.#sendCancel(truth)
      truth.cancel = 'none'
      if (truth.stage === 'open') this.#end(truth, 'cancelled')
      else this.#tellCancel(truth, 'cancel_refused')
    }
    if (truth.asked || this.#statusOf(truth) === 'unknown') this.#answer(truth)
  }

  /** What the bot must know once everything has been told. */
  assertToldAll(): void {
    const { story } = this
    assert.deepEqual(
      story.fills.map(fill => fill.fillId).sort(),
      this.fills.map(fill => fill.fillId).sort(),
      'each fill is booked once',
    )
    for (const truth of this.truths.values()) {
      const image = story.image(nameOf(truth.key))!
      assert.equal(image.filledQuantity.toString(), truth.filled.toString(), `${truth.text} has filled what it truly has`)
      assert.ok(!isLive(image), `${truth.text} has ended`)
    }
    const refused = story.events.filter(event => event.type === 'EXIT_REFUSED').map(event => event.message)
    assert.deepEqual(refused, [], 'no exit is asked for that we would refuse ourselves')
    assert.deepEqual(story.state.deals, [])
    assert.equal(story.state.reserved.toString(), '0')
  }

  /** Coins that the bot's orders have truly brought, less those they took. */
  holdings(): Decimal {
    let held = ZERO
    for (const fill of this.fills) {
      held = fill.side === 'buy' ? held.plus(fill.quantity) : held.minus(fill.quantity)
      if (fill.feeAsset === 'BTC') held = held.minus(fill.fee)
    }
    return held
  }
}

const FEES = [
  { rate: '0', asset: 'USDT' },
  { rate: '0.001', asset: 'USDT' },
  { rate: '0.001', asset: 'BNB' },
  { rate: '0.001', asset: 'BTC' },
] as const

function partOf(quantity: Decimal, tenths: number): Decimal {
  const part = quantity.times(Decimal.from(tenths)).shifted(-1).toGrid(Decimal.from('0.001'), 'floor')
  return part.isPositive() ? part : quantity
}

function nameOf({ tradeSeq, purpose, sequence }: OrderKey): string {
  return `${tradeSeq}:${purpose}|${sequence}`
}
