// What a store of exchange accounts promises, as one suite for every store there is: run on memory and on PostgreSQL.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Decimal } from '../core/money/decimal.ts'
import type { AccountCommit } from '../engine/account-store.ts'
import {
  changeOf,
  commitOf,
  fillOf,
  moveOf,
  OTHER_SYMBOL,
  orderOf,
  START_MS,
  StoryBot,
  SYMBOL,
  tradeOf,
  transfersOf,
} from './store-story.ts'
import { AVG, BASE, code, ENDED_MS, FOREIGN, type StoreUnderTest, Story } from './store-under-test.ts'

export function accountStoreConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  const opened: StoreUnderTest[] = []
  const begin = async (): Promise<Story> => {
    const under = await make()
    opened.push(under)
    return new Story(under)
  }
  after(async () => {
    for (const under of opened) await under.close()
  })

  test(`${name}: an empty account has its bots and nothing else`, async () => {
    const { under } = await begin()
    const saved = await under.store.load(under.assignment, 0)
    assert.deepEqual(
      saved.bots.map(({ botId, state, lastSeq, nextBotTradeSeq, damage, safety }) => [
        botId,
        state,
        lastSeq,
        nextBotTradeSeq,
        damage,
        safety,
      ]),
      under.botIds.map(botId => [botId, null, 0, 1, null, 'normal']),
    )
    const { intents, orders, cursors, foreignOrders } = saved
    assert.deepEqual({ intents, orders, cursors, foreignOrders }, { intents: [], orders: [], cursors: [], foreignOrders: [] })
    assert.equal(saved.bookedFills.size + saved.balances.size, 0)
    assert.equal(saved.safety, 'normal')
  })

  test(`${name}: after every step of a deal's life a start finds what was committed`, async () => {
    const story = await begin()
    const { one, two } = story
    await story.write({ transfers: [moveOf('deposit:1', 'free', 'external', '1000')] })
    await story.check()
    await story.write({ bots: [one.batch({ transfers: [moveOf('allocate', 'bot_free', 'free', '400')] })] })
    await story.check()
    const base = await story.openDeal()
    await story.check()
    const place = one.intent(base)
    await story.write({ intentChanges: [changeOf(place.id, 'sent')] })
    await story.check()
    const inFlight = { ...base, status: 'unknown', reason: 'time-out' } as const
    await story.write({
      bots: [one.batch({ orders: [inFlight] })],
      intentChanges: [
        changeOf(place.id, 'in_doubt', { nextProbeAtMs: START_MS + 500, lastError: 'time-out', doubt: { probes: [1.5, null] } }),
      ],
    })
    await story.check()
    const open = { ...base, status: 'open' } as const
    await story.write({
      bots: [one.batch({ orders: [open] })],
      words: [one.word(base, 'v-1')],
      intentChanges: [changeOf(place.id, 'settled')],
    })
    await story.check()
    const first = fillOf(BASE, 'f-1')
    const filled = {
      ...base,
      status: 'part_filled',
      filledQuantity: first.quantity,
      filledValue: first.price.times(first.quantity),
      feeValueQuote: first.fee,
    } as const
    const rung = orderOf(AVG, { rung: 1, expiresAtMs: START_MS + 99, isVirtual: true })
    const other = orderOf({ tradeSeq: 1, purpose: 'tp', sequence: 1 }, { symbol: OTHER_SYMBOL, rung: 3, decisionPrice: null })
    await story.write({
      bots: [
        one.batch({
          fills: [first],
          orders: [filled, rung],
          transfers: transfersOf(first),
          trades: [tradeOf(1, 1, { configVersion: 2 })],
        }),
        two.batch({ trades: [tradeOf(1, 4)], orders: [other] }),
      ],
      cursors: [{ symbol: SYMBOL, cursor: 'page-2', atMs: START_MS + 9 }],
      foreignOrders: [{ venueOrder: FOREIGN, resolution: 'open' }],
    })
    await story.check()
    // The deal of the other bot has the number 4.
    assert.deepEqual(
      (await story.under.store.load(story.under.assignment, 0)).bots.map(bot => bot.nextBotTradeSeq),
      [2, 5],
    )
    const ended = { ...filled, status: 'cancelled', cancelState: 'done', closedAtMs: ENDED_MS } as const
    await story.write({
      bots: [one.batch({ orders: [ended, { ...rung, status: 'open', isVirtual: false }] })],
      words: [one.word(rung, null, START_MS + 20)],
      cursors: [{ symbol: SYMBOL, cursor: 'page-3', atMs: START_MS + 19 }],
      foreignOrders: [{ venueOrder: { ...FOREIGN, executedQuantity: Decimal.from('1') }, resolution: 'ignored' }],
      transfers: [moveOf('drift:1', 'free', 'unexplained', '0.05')],
    })
    await story.check()
    await story.check(ENDED_MS)
    await story.check(ENDED_MS + 1)
    const { store, assignment } = story.under
    assert.equal((await store.findOrder(assignment, one.name(BASE)))?.venueOrderId, 'v-1')
    assert.equal(await store.findOrder(assignment, 'ek-nobody'), null)
  })

  test(`${name}: words of the venue are never unsaid`, async () => {
    const story = await begin()
    const base = await story.openDeal()
    await story.write({ words: [story.one.word(base, 'v-1', START_MS + 50)] })
    await story.write({ words: [{ ...story.one.word(base, null, START_MS + 40), isAcknowledged: false }] })
    await story.check()
    const record = await story.under.store.findOrder(story.under.assignment, story.one.name(BASE))
    assert.deepEqual([record?.venueOrderId, record?.isAcknowledged, record?.evidenceAtMs], ['v-1', true, START_MS + 50])
  })

  test(`${name}: an adopted order keeps the name that the venue knows it by`, async () => {
    const story = await begin()
    const { one } = story
    const orphan = orderOf(BASE, { status: 'open' })
    const former = new StoryBot(one.botId, 0).name(BASE)
    await story.write({
      bots: [one.batch({ trades: [tradeOf(1)], orders: [orphan] })],
      words: [{ ...one.word(orphan, 'v-9'), clientOrderId: former }],
      newIntents: [one.intent(orphan, { id: `${former}:place`, clientOrderId: former })],
      intentChanges: [changeOf(`${former}:place`, 'settled')],
    })
    await story.check()
    await story.write({
      bots: [one.batch({ orders: [{ ...orphan, status: 'unknown' }] })],
      intentChanges: [changeOf(`${former}:place`, 'in_doubt')],
    })
    await story.check()
    assert.equal((await story.under.store.findOrder(story.under.assignment, former))?.venueOrderId, 'v-9')
    assert.equal(await story.under.store.findOrder(story.under.assignment, one.name(BASE)), null)
  })

  test(`${name}: what the keys forbid is refused whole`, async () => {
    const story = await begin()
    const { under, one, two } = story
    const base = await story.openDeal()
    const rung = orderOf(AVG, { rung: 1, status: 'open' })
    const fill = fillOf(BASE, 'f-1')
    await story.write({
      bots: [
        one.batch({
          orders: [rung, { ...base, status: 'part_filled', filledQuantity: fill.quantity }],
          fills: [fill],
          transfers: transfersOf(fill),
        }),
        two.batch({ trades: [tradeOf(1)], orders: [orderOf(BASE)] }),
      ],
      words: [one.word(base, 'v-1')],
      transfers: [moveOf('deposit:1', 'free', 'external', '10')],
    })
    const before = await under.counts()
    const twoBase = orderOf(BASE)
    const event = {
      type: 'X',
      category: 'system',
      severity: 'info',
      symbol: null,
      tradeSeq: null,
      message: 'x',
      details: {},
    } as const

    /** Refused after parts that would be good alone: a batch of the other bot, a deposit. */
    const refused = async (why: string, codes: readonly string[], parts: Partial<AccountCommit>): Promise<void> => {
      const good = [one, two].find(bot => !parts.bots?.some(({ botId }) => botId === bot.botId))
      const commit = commitOf({
        ...parts,
        bots: [...(good ? [good.batch({ events: [event] })] : []), ...(parts.bots ?? [])],
        transfers: [moveOf('deposit:2', 'free', 'external', '1'), ...(parts.transfers ?? [])],
      })
      await assert.rejects(under.store.commit(under.assignment, commit), codes.length > 0 ? code(...codes) : Error, why)
      assert.deepEqual(await under.counts(), before, `${why}: nothing stays of it`)
      await story.check()
    }
    const conflict = ['CONFLICT']
    const skipped = one.batch()
    await refused('a hole in the journal', ['JOURNAL_GAP'], {
      bots: [
        { ...skipped, batch: { ...skipped.batch, firstSeq: 4, lastSeq: 4, journal: [{ ...skipped.batch.journal[0]!, seq: 4 }] } },
      ],
    })
    await refused('another entry for a seq', ['JOURNAL_GAP'], {
      bots: [
        { ...skipped, batch: { ...skipped.batch, firstSeq: 2, lastSeq: 2, journal: [{ ...skipped.batch.journal[0]!, seq: 2 }] } },
      ],
    })
    await refused('a bot of nobody', ['NOT_FOUND'], { bots: [{ ...skipped, botId: 'nobody' }] })
    const again = { tradeSeq: 1, purpose: 'tp', sequence: 1 } as const
    await refused('a client order id that is taken', conflict, {
      bots: [two.batch({ orders: [orderOf(again)] })],
      words: [{ ...two.word(orderOf(again), 'v-2'), clientOrderId: one.name(BASE) }],
    })
    await refused('a key of an order that is used', conflict, {
      bots: [one.batch({ orders: [orderOf(BASE, { intendedAtMs: START_MS + 77 })] })],
    })
    await refused('a rung that is taken', conflict, {
      bots: [one.batch({ orders: [orderOf({ ...AVG, sequence: 2 }, { rung: 1 })] })],
    })
    await refused('a rung whose order ended with a fill', conflict, {
      bots: [
        one.batch({
          orders: [
            { ...rung, status: 'cancelled', filledQuantity: Decimal.from('0.1'), closedAtMs: ENDED_MS },
            orderOf({ ...AVG, sequence: 2 }, { rung: 1 }),
          ],
        }),
      ],
    })
    await refused('a fill that is booked', conflict, { bots: [one.batch({ fills: [fill] })] })
    await refused('a fill that another order has', conflict, { bots: [two.batch({ fills: [fillOf(BASE, 'f-1')] })] })
    await refused('a fill of an order that is not there', conflict, {
      bots: [two.batch({ fills: [fillOf({ ...BASE, sequence: 8 }, 'f-8')] })],
    })
    await refused('a transfer that is booked', conflict, { bots: [one.batch({ transfers: transfersOf(fill).slice(0, 1) })] })
    await refused('a transfer of the account that is booked', conflict, {
      transfers: [moveOf('deposit:1', 'free', 'external', '3')],
    })
    await refused('a transfer of nothing', conflict, { transfers: [moveOf('deposit:3', 'free', 'external', '0')] })
    await refused('a transfer of the account into a bot', [], { transfers: [moveOf('deposit:3', 'bot_free', 'external', '1')] })
    await refused('a number of another deal', conflict, { bots: [one.batch({ trades: [tradeOf(2, 1)] })] })
    await refused('an order without a deal', [], { bots: [one.batch({ orders: [orderOf({ ...BASE, tradeSeq: 7 })] })] })
    await refused('an intent of an order that is not there', ['NOT_FOUND'], { newIntents: [one.intent(orderOf(again))] })
    await refused('an intent of another name', ['NOT_FOUND'], {
      newIntents: [one.intent(rung, { clientOrderId: one.name(BASE) })],
    })
    await refused('an intent that exists', conflict, { newIntents: [one.intent(base)] })
    await refused('a word about nothing', ['NOT_FOUND'], { words: [one.word(orderOf(again), 'v-3')] })
    await refused('a word by another name', ['NOT_FOUND'], {
      words: [{ ...one.word(rung, 'v-3'), clientOrderId: one.name(BASE) }],
    })
    await refused('a venue order that is another one', conflict, { words: [two.word(twoBase, 'v-1')] })
    const funds = [{ currency: 'USDT', free: Decimal.from('1'), locked: Decimal.from('-1') }]
    await refused('locked money below zero', conflict, { bots: [one.batch({ funds })] })

    // What they allow: the same cause in another run, the same fill id on another symbol, a rung that came free.
    const elsewhere = { ...fillOf(BASE, 'f-1'), symbol: OTHER_SYMBOL }
    const allowed = transfersOf(fill).map(transfer => ({ ...transfer, fillId: null, orderKey: null }))
    await story.write({
      bots: [
        one.batch({
          orders: [orderOf({ ...AVG, sequence: 2 }, { rung: 1 }), { ...rung, status: 'cancelled', closedAtMs: ENDED_MS }],
        }),
        two.batch({ fills: [elsewhere], transfers: allowed, orders: [{ ...twoBase, filledQuantity: elsewhere.quantity }] }),
      ],
    })
    await story.check()
  })

  test(`${name}: an intent moves only where it may`, async () => {
    const story = await begin()
    const { under, one } = story
    const order = await story.openDeal()
    const { id } = one.intent(order)
    const refuse = async (status: 'pending' | 'sent' | 'settled' | 'in_doubt', of = id): Promise<void> => {
      const commit = commitOf({ intentChanges: [changeOf(of, status)] })
      await assert.rejects(under.store.commit(under.assignment, commit), code('INVALID_STATUS_TRANSITION'), `to ${status}`)
      await story.check()
    }
    await refuse('sent', 'nobody:place')
    await refuse('in_doubt')
    await story.write({ intentChanges: [changeOf(id, 'pending', { attempts: 0, sentAtMs: null })] })
    await story.write({ intentChanges: [changeOf(id, 'sent')] })
    await refuse('sent')
    await refuse('pending')
    await story.write({ intentChanges: [changeOf(id, 'in_doubt')] })
    await refuse('sent')
    await refuse('pending')
    await story.write({ intentChanges: [changeOf(id, 'in_doubt', { nextProbeAtMs: START_MS + 9 })] })
    await story.write({ intentChanges: [changeOf(id, 'settled')] })
    await refuse('sent')
    await refuse('pending')
    await story.write({ intentChanges: [changeOf(id, 'in_doubt')] })
    await story.check()
  })

  test(`${name}: of two claims at once one is refused`, async () => {
    const story = await begin()
    const { under, one } = story
    const { id } = one.intent(await story.openDeal())
    const claims = await Promise.allSettled(
      [under.store, under.store, under.reopened()].map(store =>
        store.commit(under.assignment, commitOf({ intentChanges: [changeOf(id, 'sent')] })),
      ),
    )
    assert.equal(claims.filter(claim => claim.status === 'fulfilled').length, 1)
    for (const claim of claims) if (claim.status === 'rejected') code('INVALID_STATUS_TRANSITION')(claim.reason)
  })

  test(`${name}: a stale token can neither read nor write`, async () => {
    const story = await begin()
    const { under, one } = story
    const order = await story.openDeal()
    const successor = await under.takeOver()
    assert.ok(successor.token > under.assignment.token)
    const before = await under.counts()
    const late: readonly Partial<AccountCommit>[] = [
      { bots: [one.batch()] },
      { intentChanges: [changeOf(one.intent(order).id, 'sent')] },
      { transfers: [moveOf('deposit:9', 'free', 'external', '1')] },
      {},
    ]
    for (const store of [under.store, under.reopened()]) {
      for (const parts of late) await assert.rejects(store.commit(under.assignment, commitOf(parts)), code('LEASE_LOST'))
      await assert.rejects(store.load(under.assignment, 0), code('LEASE_LOST'))
      await assert.rejects(store.findOrder(under.assignment, one.name(BASE)), code('LEASE_LOST'))
    }
    assert.deepEqual(await under.counts(), before)
    await story.check(0, successor)
    await story.write({ bots: [one.batch()], intentChanges: [changeOf(one.intent(order).id, 'sent')] }, successor)
    await assert.rejects(under.store.commit(under.assignment, commitOf({ bots: [one.batch()] })), code('LEASE_LOST'))
    await story.check(0, successor)
  })

  test(`${name}: a commit that is tried again is written once`, async () => {
    const story = await begin()
    const { under, one, two } = story
    const order = orderOf(BASE)
    const fill = fillOf(BASE, 'f-1')
    const { id } = one.intent(order)
    const commits: readonly (() => Partial<AccountCommit>)[] = [
      () => ({ bots: [one.batch({ trades: [tradeOf(1)], orders: [order] }), two.batch()], newIntents: [one.intent(order)] }),
      () => ({ intentChanges: [changeOf(id, 'sent')] }),
      () => ({
        bots: [
          one.batch({
            fills: [fill],
            orders: [{ ...order, status: 'part_filled', filledQuantity: fill.quantity }],
            transfers: transfersOf(fill),
          }),
        ],
      }),
      () => ({ newIntents: [one.intent(order, { id: `${one.name(BASE)}:cancel:1`, kind: 'cancel' })] }),
      () => ({ transfers: [moveOf('deposit:1', 'free', 'external', '5')] }),
      () => ({ intentChanges: [changeOf(id, 'in_doubt')] }),
      () => ({ intentChanges: [changeOf(id, 'settled')], words: [one.word(order, 'v-1')] }),
      () => ({
        cursors: [{ symbol: SYMBOL, cursor: 'c', atMs: START_MS }],
        foreignOrders: [{ venueOrder: FOREIGN, resolution: 'open' }],
      }),
    ]
    for (const [i, make] of commits.entries()) {
      const commit = commitOf(make())
      if (i % 2 === 0) {
        under.lose('before')
        await assert.rejects(under.store.commit(under.assignment, commit), code('DATABASE_UNAVAILABLE'))
        await assert.rejects(under.store.commit(under.assignment, commit), code('DATABASE_UNAVAILABLE'))
      }
      under.lose('after')
      await assert.rejects(under.store.commit(under.assignment, commit), code('DATABASE_UNAVAILABLE'))
      under.lose(null)
      const written = await under.counts()
      // The same object, or an equal one after a lost answer; and once more, although the answer came.
      await under.store.commit(under.assignment, i < 4 ? commit : { ...commit })
      if (i < 4) await under.store.commit(under.assignment, commit)
      assert.deepEqual(await under.counts(), written)
      story.taken(commit)
      await story.check()
    }
    assert.equal((await under.counts()).intents, 2)
  })

  test(`${name}: a commit whose answer was lost is not forgotten by the next one`, async () => {
    const story = await begin()
    const { under, one, two } = story
    await story.openDeal()
    under.lose('after')
    const lost = commitOf({ bots: [one.batch()] })
    await assert.rejects(under.store.commit(under.assignment, lost), code('DATABASE_UNAVAILABLE'))
    under.lose(null)
    // Whoever goes on as if it had not happened is stopped; another bot goes on.
    const other = one.batch({ state: { engine: { other: true } } })
    await assert.rejects(under.store.commit(under.assignment, commitOf({ bots: [other] })), code('JOURNAL_GAP'))
    story.taken(lost)
    await story.write({ bots: [two.batch()] })
    await story.write({ bots: [one.batch(), two.batch()] })
    await story.check()
    under.lose('before')
    await assert.rejects(under.store.commit(under.assignment, commitOf({ bots: [one.batch()] })), code('DATABASE_UNAVAILABLE'))
    under.lose(null)
    await story.write({ bots: [one.batch({ state: { engine: { other: true } } })] })
    await story.check()
  })

  test(`${name}: another process goes on where the rows end, and the first one notices`, async () => {
    const story = await begin()
    const { under, one } = story
    await story.openDeal()
    const next = under.reopened()
    const commit = commitOf({ bots: [one.batch()] })
    await next.commit(under.assignment, commit)
    story.taken(commit)
    const stale = { botId: one.botId, batch: { ...commit.bots[0]!.batch, state: { engine: { stale: true } } } }
    await assert.rejects(under.store.commit(under.assignment, commitOf({ bots: [stale] })), code('JOURNAL_GAP'))
    await story.check()
    await story.write({ bots: [one.batch()] })
    await story.check()
  })

  test(`${name}: tenants know nothing of each other`, async () => {
    const story = await begin()
    const { under, one } = story
    const { store, assignment, other } = under
    const order = await story.openDeal()
    const fill = fillOf(BASE, 'f-1')
    await story.write({
      bots: [
        one.batch({
          fills: [fill],
          orders: [{ ...order, status: 'part_filled', filledQuantity: fill.quantity }],
          transfers: transfersOf(fill),
        }),
      ],
      words: [one.word(order, 'v-1')],
    })
    const stranger = { ...assignment, userId: other.assignment.userId }
    await assert.rejects(store.load(stranger, 0), code('NOT_FOUND'))
    await assert.rejects(store.findOrder(stranger, one.name(BASE)), code('NOT_FOUND'))
    await assert.rejects(store.commit(stranger, commitOf({ bots: [one.batch()] })), code('NOT_FOUND'))
    await assert.rejects(store.commit(other.assignment, commitOf({ bots: [one.batch()] })), code('NOT_FOUND'))
    // The same facts of another account are other facts.
    const theirs = new StoryBot(other.botId)
    await store.commit(
      other.assignment,
      commitOf({
        bots: [
          theirs.batch({
            trades: [tradeOf(1)],
            orders: [{ ...order, status: 'part_filled', filledQuantity: fill.quantity }],
            fills: [fill],
            transfers: transfersOf(fill),
          }),
        ],
        words: [theirs.word(order, 'v-1')],
        newIntents: [theirs.intent(order)],
        cursors: [{ symbol: SYMBOL, cursor: 'theirs', atMs: START_MS }],
        foreignOrders: [{ venueOrder: FOREIGN, resolution: 'open' }],
      }),
    )
    await story.check()
    assert.equal(await store.findOrder(assignment, theirs.name(BASE)), null)
    const saved = await store.load(other.assignment, 0)
    assert.deepEqual(
      saved.orders.map(record => record.botId),
      [other.botId],
    )
  })

  test(`${name}: a damaged state holds its bot and nobody else`, async () => {
    const story = await begin()
    const { under, one, two } = story
    await story.write({ bots: [one.batch(), two.batch()] })
    await under.damageState(one.botId)
    for (const store of [under.store, under.reopened()]) {
      const { bots } = await store.load(under.assignment, 0)
      const [damaged, sound] = [one, two].map(({ botId }) => bots.find(bot => bot.botId === botId)!)
      assert.equal(damaged?.state, null)
      assert.match(damaged?.damage ?? '', /journal/)
      assert.equal(sound?.damage, null)
      assert.notEqual(sound?.state, null)
    }
    await story.write({ bots: [two.batch()] })
  })

  test(`${name}: the strictest safety level rules`, async () => {
    const { under } = await begin()
    const levels = async () => {
      const { safety, bots } = await under.store.load(under.assignment, 0)
      return [safety, ...under.botIds.map(botId => bots.find(bot => bot.botId === botId)?.safety)]
    }
    await under.setSafety('reduce_only', under.botIds[1])
    assert.deepEqual(await levels(), ['normal', 'normal', 'reduce_only'])
    await under.setSafety('paused')
    assert.deepEqual(await levels(), ['paused', 'paused', 'reduce_only'])
    await under.setSafety('halted')
    assert.deepEqual(await levels(), ['halted', 'halted', 'halted'])
  })

  test(`${name}: a run that has ended stays until its orders have`, async () => {
    const story = await begin()
    const { under, one, two } = story
    const order = await story.openDeal()
    const { totals } = one.batch().batch
    const ended = { ...totals, status: 'stopped', endedAtMs: ENDED_MS } as const
    await story.write({ bots: [one.batch({ totals: ended, botStatus: 'stopped' }), two.batch()] })
    const ids = async () => (await under.reopened().load(under.assignment, 0)).bots.map(bot => bot.botId)
    assert.ok((await ids()).includes(one.botId))
    await story.write({
      bots: [one.batch({ orders: [{ ...order, status: 'cancelled', closedAtMs: ENDED_MS }], totals: ended })],
      intentChanges: [changeOf(one.intent(order).id, 'settled')],
    })
    assert.deepEqual(await ids(), [two.botId])
  })
}
