import type { ParityReport } from '../../../../src/contract/parity.ts'

/** Why a deal and its simulation did not decide alike. */
export const CAUSES: Readonly<Record<NonNullable<ParityReport['cause']>, string>> = {
  data_gap: 'Nobody was there for a while: decisions of that time were missed.',
  config: 'The bot was edited while the deal was open.',
  version: 'The deal was traded by another version of the engine.',
  unknown: 'Other orders were filled, for a reason that is not known.',
}

export const PART_WORDS = {
  decisions: 'Missed or extra orders',
  quantity: 'Quantity',
  entryLatency: 'Entry: delay',
  entrySlippage: 'Entry: price',
  exitLatency: 'Exit: delay',
  exitSlippage: 'Exit: price',
  fees: 'Fees',
  funding: 'Funding',
  path: 'Path of the price',
} as const satisfies Record<keyof NonNullable<ParityReport['parts']>, string>
