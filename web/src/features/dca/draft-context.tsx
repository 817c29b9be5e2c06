// The draft that all sections of the builder write to, what is wrong with it, and the instruments it may name.

import { createContext, type ReactNode, useCallback, useContext, useDeferredValue, useMemo } from 'react'
import { parseDcaConfig } from '../../../../src/contract/dca-config.ts'
import type { Finding } from '../../../../src/contract/finding.ts'
import type { DcaConfig } from '../../../../src/core/dca/config.ts'
import type { Instrument } from '../../../../src/core/market/instrument.ts'
import type { Draft } from './draft.ts'
import { valueAt, withValue } from './path.ts'

export interface DraftState {
  readonly draft: Draft
  /** The config as trading would read it; null while there are findings. */
  readonly config: DcaConfig | null
  readonly findings: readonly Finding[]
  readonly instruments: readonly Instrument[]
  set(path: string, value: unknown): void
  replace(draft: Draft): void
}

const Context = createContext<DraftState | null>(null)

export function useDraft(): DraftState {
  const state = useContext(Context)
  if (!state) throw new Error('a field of the builder stands outside of its DraftProvider')
  return state
}

export function useField<T = unknown>(
  path: string,
): { value: T | undefined; set(value: unknown): void; findings: readonly Finding[] } {
  const { draft, set, findings } = useDraft()
  const write = useCallback((value: unknown) => set(path, value), [path, set])
  return { value: valueAt(draft, path) as T | undefined, set: write, findings: findings.filter(one => one.path === path) }
}

export function checkDraft(
  draft: Draft,
  instruments: readonly Instrument[],
): { config: DcaConfig | null; findings: readonly Finding[] } {
  const ofExchange = instruments.filter(one => one.exchange === draft['exchange'])
  const bySymbol = new Map(ofExchange.map(one => [one.symbol, one]))
  const result = parseDcaConfig(
    draft,
    ofExchange.length === 0 ? {} : { instrument: symbol => bySymbol.get(symbol), symbols: [...bySymbol.keys()] },
  )
  return result.ok ? { config: result.config, findings: [] } : { config: null, findings: result.findings }
}

export function DraftProvider(props: {
  draft: Draft
  onChange(next: (draft: Draft) => Draft): void
  instruments: readonly Instrument[]
  /** Findings of the server, shown until the draft changes. */
  serverFindings?: readonly Finding[]
  children: ReactNode
}) {
  const { draft, onChange, instruments, serverFindings, children } = props
  const settled = useDeferredValue(draft)
  const checked = useMemo(() => checkDraft(settled, instruments), [settled, instruments])
  const set = useCallback((path: string, value: unknown) => onChange(now => withValue(now, path, value)), [onChange])
  const replace = useCallback((next: Draft) => onChange(() => next), [onChange])
  const state = useMemo<DraftState>(
    () => ({
      draft,
      config: checked.config,
      findings: serverFindings && checked.findings.length === 0 ? serverFindings : checked.findings,
      instruments,
      set,
      replace,
    }),
    [draft, checked, serverFindings, instruments, set, replace],
  )
  return <Context value={state}>{children}</Context>
}
