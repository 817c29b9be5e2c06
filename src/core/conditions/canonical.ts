/**
 * The one text of a condition (RFC 8785, defaults filled, with instrument and timeframe) and its id, the SHA-256 of that text. Whoever
 * asks the same question of the same instrument shares one condition, across bots and alerts.
 */

import { canonicalJson } from '../hash/canonical-json.ts'
import { sha256Hex } from '../hash/sha256.ts'
import type { Timeframe } from '../market/timeframe.ts'
import type { Condition, Operand } from './condition.ts'

/** Version of the condition language; part of the id. */
const LANGUAGE_VERSION = 1

export function canonicalCondition(condition: Condition, instrumentId: string): string {
  return canonicalJson({
    v: LANGUAGE_VERSION,
    instrument: instrumentId,
    timeframe: condition.timeframe,
    lhs: plainOperand(condition.lhs, condition.timeframe),
    op: condition.op,
    rhs: condition.rhs === null ? undefined : plainOperand(condition.rhs, condition.timeframe),
    offsetPct: condition.offsetPct,
  })
}

/** 64 hex digits. */
export function conditionId(condition: Condition, instrumentId: string): string {
  return sha256Hex(canonicalCondition(condition, instrumentId))
}

/** An operand's own timeframe is written only where it differs from the condition's. */
function plainOperand(operand: Operand, timeframe: Timeframe): unknown {
  if (operand.kind === 'const' || operand.kind === 'range' || operand.kind === 'level') return operand
  const own = operand.timeframe === null || operand.timeframe === timeframe ? undefined : operand.timeframe
  return { ...operand, timeframe: own }
}
