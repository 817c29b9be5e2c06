// Bugs that are planted on purpose, at the ports of the run: each is one that a platform like this could have. A laboratory that does
// not find them is broken; what it says about the real code would mean nothing.

import { Decimal } from '../core/money/decimal.ts'
import { isLive, type OrderKey, orderKeyText } from '../core/orders/order.ts'
import type { AccountCommit, SavedAccount } from '../engine/account-store.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'
import type { AccountStore, Venue } from '../engine/ports.ts'
import { type PlacePayload, VenueError, type VenueFill, type VenueMessage, type VenueOrder } from '../engine/venue.ts'
import type { LabWorkerWorld } from './lab-worker.ts'
import type { Scenario } from './story.ts'

export interface Mutation {
  readonly name: string
  /** What the bug does, as one would find it in a post-mortem. */
  readonly about: string
  /** Where it shows soonest. */
  readonly scenario: Scenario
  /** Acts without asking whether it still may. */
  readonly ignoresLease?: boolean
  store?(inner: AccountStore, world: LabWorkerWorld): AccountStore
  venue?(inner: Venue, world: LabWorkerWorld): Venue
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'fill-dropped',
    about: 'every fifth execution is thrown away as if it had been booked before',
    scenario: 'calm',
    venue: inner => withFills(inner, fill => (numberOf(fill) % 5 === 0 ? null : fill)),
  },
  {
    name: 'intent-forgotten',
    about: 'orders are sent without their intent having been written',
    scenario: 'calm',
    store: inner => onCommit(inner, commit => ({ ...commit, newIntents: [], intentChanges: [], words: [] })),
  },
  {
    name: 'create-repeated',
    about: 'a create whose answer was lost is simply sent again',
    scenario: 'fault:reset_after',
    venue: inner => ({
      ...bound(inner),
      place: order =>
        inner.place(order).catch((error: unknown) => {
          if (error instanceof VenueError && error.class === 'ambiguous') return inner.place(order)
          throw error
        }),
    }),
  },
  {
    name: 'timeout-is-reject',
    about: 'no answer to a create is taken for a refusal',
    scenario: 'fault:reset_after',
    venue: inner => ({
      ...bound(inner),
      place: order =>
        inner.place(order).catch((error: unknown) => {
          if (error instanceof VenueError && error.class === 'ambiguous')
            throw new VenueError('refused', 'TIMEOUT', error.message)
          throw error
        }),
    }),
  },
  {
    name: 'late-fill-swallowed',
    about: 'what fills after an order has ended is not booked',
    scenario: 'fault:late_fill',
    store: inner => {
      const ended = new Set<string>()
      return onCommit(inner, commit => ({
        ...commit,
        bots: commit.bots.map(({ botId, batch }) => ({ botId, batch: withoutLate(botId, batch, ended) })),
      }))
    },
  },
  {
    name: 'cursor-early',
    about: 'the cursor of fills moves to the newest execution although some before it are not booked',
    scenario: 'fault:stream_gap',
    store: (inner, world) =>
      onCommit(inner, commit => {
        const symbol = world.story.instruments[0]!.symbol
        return { ...commit, cursors: [{ symbol, cursor: '1000000', atMs: 0 }] }
      }),
  },
  {
    name: 'released-twice',
    about: 'a reservation is released a second time when its deal ends',
    scenario: 'calm',
    store: inner =>
      onCommit(inner, commit => ({
        ...commit,
        bots: commit.bots.map(({ botId, batch }) => {
          const again = batch.transfers
            .filter(each => each.kind === 'release')
            .map(each => ({ ...each, cause: `${each.cause}:again` }))
          return { botId, batch: { ...batch, transfers: [...batch.transfers, ...again] } }
        }),
      })),
  },
  {
    name: 'lease-ignored',
    about: 'a worker that was asleep goes on without asking whether it still holds the account',
    scenario: 'two_workers',
    ignoresLease: true,
  },
  {
    name: 'sell-rounded-up',
    about: 'an exit is rounded up to the next step',
    scenario: 'calm',
    venue: (inner, world) => ({
      ...bound(inner),
      place: order => {
        if (order.side === 'buy') return inner.place(order)
        const { step } = world.instruments().find(each => each.symbol === order.symbol)!
        return inner.place({ ...order, quantity: Decimal.from(order.quantity).plus(step).toString() })
      },
    }),
  },
  {
    name: 'sent-not-committed',
    about: 'the call is made before the commit that marks its intent as sent',
    scenario: 'calm',
    store: inner =>
      onCommit(inner, commit => ({ ...commit, intentChanges: commit.intentChanges.filter(each => each.status !== 'sent') })),
  },
  {
    name: 'fills-not-unique',
    about: 'an execution that is told a second time gets a second id and is booked again',
    scenario: 'fault:stream_duplicate',
    venue: inner => {
      const told = new Map<string, number>()
      return withFills(inner, fill => {
        const times = (told.get(fill.venueFillId) ?? 0) + 1
        told.set(fill.venueFillId, times)
        return times === 1 ? fill : { ...fill, venueFillId: `${fill.venueFillId}#${times}` }
      })
    },
  },
  {
    name: 'booked-fills-forgotten',
    about: 'a restart does not read which executions were booked before',
    scenario: 'restart_storm',
    store: inner =>
      onLoad(inner, saved => ({
        ...saved,
        bookedFills: new Set<string>(),
        orders: saved.orders.filter(each => isLive(each.order)),
      })),
  },
  {
    name: 'failed-commit-ignored',
    about: 'when the database cannot commit, the engine goes on as if it had',
    scenario: 'fault:db_lost_commit',
    store: inner => ({
      ...boundStore(inner),
      commit: (assignment, commit) => inner.commit(assignment, commit).catch(() => {}),
    }),
  },
  {
    name: 'stop-never-placed',
    about: 'a stop is reported as resting and was never sent',
    scenario: 'calm',
    venue: inner => {
      const pretended = new Map<string, VenueOrder>()
      return {
        ...bound(inner),
        place: order => {
          if (order.type !== 'stop') return inner.place(order)
          const resting = pretend(order, pretended.size)
          pretended.set(order.clientOrderId, resting)
          return Promise.resolve(resting)
        },
        find: ref => {
          const known = pretended.get(ref.clientOrderId)
          return known ? Promise.resolve(known) : inner.find(ref)
        },
        openOrders: async () => {
          const { rows, complete } = await inner.openOrders()
          return { rows: [...rows, ...pretended.values()], complete }
        },
      }
    },
  },
  {
    name: 'doubt-forgotten',
    about: 'a restart forgets the calls whose outcome was never learnt',
    scenario: 'restart_storm',
    store: inner => onLoad(inner, saved => ({ ...saved, intents: [] })),
  },
]

export function mutationNamed(name: string): Mutation {
  const found = MUTATIONS.find(each => each.name === name)
  if (!found) throw new Error(`there is no planted bug ${name}`)
  return found
}

/** The methods of a venue as an object of its own, to be overridden. */
function bound(inner: Venue): Venue {
  return {
    capabilities: inner.capabilities,
    place: order => inner.place(order),
    cancel: order => inner.cancel(order),
    find: order => inner.find(order),
    openOrders: () => inner.openOrders(),
    history: sinceMs => inner.history(sinceMs),
    fillsSince: (symbol, cursor) => inner.fillsSince(symbol, cursor),
    balances: () => inner.balances(),
    positions: () => inner.positions(),
    serverTime: () => inner.serverTime(),
    instruments: () => inner.instruments(),
    subscribe: listener => inner.subscribe(listener),
  }
}

function boundStore(inner: AccountStore): AccountStore {
  return {
    load: (assignment, since) => inner.load(assignment, since),
    commit: (assignment, commit) => inner.commit(assignment, commit),
    findOrder: (assignment, id) => inner.findOrder(assignment, id),
  }
}

/** A venue whose executions are changed, or with null left out, however they are told. */
function withFills(inner: Venue, change: (fill: VenueFill) => VenueFill | null): Venue {
  return {
    ...bound(inner),
    fillsSince: async (symbol, cursor) => {
      const page = await inner.fillsSince(symbol, cursor)
      return { ...page, fills: page.fills.flatMap(fill => change(fill) ?? []) }
    },
    subscribe: listener =>
      inner.subscribe((message: VenueMessage) => {
        if (message.kind !== 'fill') return listener(message)
        const fill = change(message.fill)
        if (fill) listener({ kind: 'fill', fill })
      }),
  }
}

/** The same commit tried again must stay the same. */
function onCommit(inner: AccountStore, change: (commit: AccountCommit) => AccountCommit): AccountStore {
  const changed = new WeakMap<AccountCommit, AccountCommit>()
  return {
    ...boundStore(inner),
    commit: (assignment, commit) => {
      const known = changed.get(commit) ?? change(commit)
      changed.set(commit, known)
      return inner.commit(assignment, known)
    },
  }
}

function onLoad(inner: AccountStore, change: (saved: SavedAccount) => SavedAccount): AccountStore {
  return { ...boundStore(inner), load: async (assignment, since) => change(await inner.load(assignment, since)) }
}

function numberOf(fill: VenueFill): number {
  return Number(/\d+$/.exec(fill.venueFillId)?.[0] ?? 0)
}

/** The batch without the fills of orders that had ended, by this batch or a former one, and without what they moved. */
function withoutLate(botId: string, batch: CommitBatch, ended: Set<string>): CommitBatch {
  const nameOf = (key: OrderKey): string => `${botId}|${orderKeyText(key)}`
  for (const order of batch.orders) if (order.status === 'cancelled' || order.status === 'expired') ended.add(nameOf(order))
  const late = new Set(batch.fills.filter(fill => ended.has(nameOf(fill))).map(fill => fill.fillId))
  if (late.size === 0) return batch
  return {
    ...batch,
    fills: batch.fills.filter(fill => !late.has(fill.fillId)),
    transfers: batch.transfers.filter(transfer => transfer.fillId === null || !late.has(transfer.fillId)),
  }
}

function pretend(payload: PlacePayload, number: number): VenueOrder {
  return {
    symbol: payload.symbol,
    clientOrderId: payload.clientOrderId,
    venueOrderId: `pretended${number}`,
    side: payload.side,
    type: payload.type,
    quantity: Decimal.from(payload.quantity),
    limitPrice: payload.limitPrice === null ? null : Decimal.from(payload.limitPrice),
    stopPrice: payload.stopPrice === null ? null : Decimal.from(payload.stopPrice),
    status: 'open',
    executedQuantity: Decimal.from(0),
    updatedAtMs: 0,
    isTriggered: false,
    reason: null,
  }
}
