// The safety record as runs see it. Whatever keeps it from being read, other than a database that is away, means halted.

import { endsAtMidnight, isOfAnotherDay, type SafetyContent, type ScopeSafety } from '../core/risk/safety-record.ts'
import type { SafetyTrigger, TriggerMemory } from '../core/risk/safety-triggers.ts'
import { isOutage } from '../runs/outage.ts'
import type { RunSafety } from '../runs/ports.ts'
import type { Transaction } from '../storage/database.ts'
import { StorageError } from '../storage/errors.ts'
import { changeSafety, readSafetyLimits, readSafetyScopes, ruling, type SafetyTarget, tighten } from '../storage/safety-store.ts'

type SafetyReader = (tx: Transaction, botId: string) => Promise<RunSafety>

/** Does the work with the record as it can be read; where its reading is what fails, once more with everything halted. */
export async function withSafety<T>(work: (safetyOf: SafetyReader) => Promise<T>): Promise<T> {
  let isReading = false
  const read: SafetyReader = async (tx, botId) => {
    isReading = true
    const safety = await readRunSafety(tx, botId)
    isReading = false
    return safety
  }
  try {
    return await work(read)
  } catch (error) {
    if (!isReading || isOutage(error)) throw error
    const reason = `the safety record cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return work(async () => halted(reason))
  }
}

function halted(reason: string): RunSafety {
  return { level: 'halted', reason, own: null, dailyLoss: null, limits: {} }
}

async function readRunSafety(tx: Transaction, botId: string): Promise<RunSafety> {
  const scopes = await readSafetyScopes(tx, { botId })
  const { chosen } = await readSafetyLimits(tx)
  if (chosen === null) return halted('the safety limits cannot be read: set them again')
  const own = scopes.find(each => each.scope === 'bot')
  return { ...ruling(scopes), own: own?.level ?? 'normal', dailyLoss: own ? dailyLossOf(own) : null, limits: chosen }
}

function dailyLossOf(own: ScopeSafety): Pick<SafetyContent, 'dayStartAtMs'> | null {
  return own.record !== null && endsAtMidnight(own) ? { dayStartAtMs: own.record.dayStartAtMs } : null
}

const ATTEMPTS = 5

/** A person may have changed the same record in between: then it is looked at anew. */
export async function changingOwn(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const moved = error instanceof StorageError && error.code === 'VERSION_CONFLICT'
      if (!moved || attempt >= ATTEMPTS) throw error
    }
  }
}

function botTarget(botId: string): SafetyTarget {
  return { scope: 'bot', scopeId: botId }
}

export async function restrictBot(
  tx: Transaction,
  botId: string,
  { cause, level, reason }: SafetyTrigger,
  memory: TriggerMemory | null,
): Promise<void> {
  const figures = memory === null ? {} : { figures: memory }
  await changeSafety(tx, botTarget(botId), tighten({ state: level, reason, actor: `trigger:${cause}`, ...figures }))
}

export async function endDailyLossOf(tx: Transaction, botId: string, atMs: number): Promise<void> {
  await changeSafety(tx, botTarget(botId), current =>
    current.record !== null && endsAtMidnight(current) && isOfAnotherDay(current.record, atMs)
      ? { state: 'normal', reason: 'the UTC day of the loss is over', actor: current.record.actor ?? '' }
      : null,
  )
}
