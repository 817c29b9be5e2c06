/** Instruments and their candles. */

import { z } from 'zod'
import { timeframeSchema } from './condition-schema.ts'
import { instant, instantOrNull, instantQuery, listOf, listQuery, money, route, symbolQuery } from './http.ts'

/** A row of `instruments`. */
export const instrumentSchema = z
  .object({
    id: z.string().meta({ examples: ['binance:BTC/USDT'] }),
    exchange: z.string(),
    symbol: z.string(),
    base: z.string(),
    quote: z.string(),
    settle: z.string().nullable(),
    kind: z.enum(['spot', 'swap']),
    tick: money,
    step: money,
    minQty: money,
    minNotional: money,
    makerBps: money,
    takerBps: money,
    status: z.string(),
  })
  .meta({ id: 'Instrument' })
export type InstrumentRow = z.output<typeof instrumentSchema>

/** A row of `candles`. */
export const candleSchema = z
  .object({ openTime: instant, open: money, high: money, low: money, close: money, volume: money })
  .meta({ id: 'Candle', description: 'Stamped at its open; only closed ones' })
export type CandleRow = z.output<typeof candleSchema>

const place = { exchange: z.string().min(1).max(40), symbol: symbolQuery }

export const marketRoutes = {
  listInstruments: route({
    method: 'GET',
    path: '/instruments',
    tag: 'Market',
    summary: 'Instruments with their rules',
    access: 'market:read',
    query: z.strictObject({
      ...listQuery,
      exchange: z.string().max(40).optional(),
      q: z.string().max(50).optional().meta({ description: 'Part of the symbol' }),
    }),
    responses: { 200: listOf(instrumentSchema) },
  }),
  getInstrument: route({
    method: 'GET',
    path: '/instruments/{id}',
    tag: 'Market',
    summary: 'One instrument; its id is exchange:SYMBOL, encoded',
    access: 'market:read',
    params: z.strictObject({ id: z.string().min(1).max(100) }),
    responses: { 200: instrumentSchema },
  }),
  listCandles: route({
    method: 'GET',
    path: '/candles',
    tag: 'Market',
    summary: 'Candles, oldest first; without from the latest ones',
    access: 'market:read',
    query: z.strictObject({
      ...listQuery,
      ...place,
      timeframe: timeframeSchema.default('1h'),
      from: instantQuery.optional(),
      to: instantQuery.optional(),
    }),
    responses: { 200: listOf(candleSchema) },
  }),
  candleCoverage: route({
    method: 'GET',
    path: '/candles/coverage',
    tag: 'Market',
    summary: 'What is stored: first and last bar and holes, by instrument and timeframe',
    access: 'market:read',
    query: z.strictObject({ exchange: z.string().max(40).optional(), symbol: symbolQuery.optional() }),
    responses: {
      200: z.object({
        items: z.array(
          z
            .object({
              instrumentId: z.string(),
              symbol: z.string(),
              timeframe: z.string(),
              bars: z.int(),
              from: instantOrNull,
              to: instantOrNull,
              gaps: z.int(),
            })
            .meta({ id: 'Coverage' }),
        ),
        nextCursor: z.string().nullable(),
      }),
    },
  }),
} as const
