// The DCA builder: sections on the left, what they amount to on the right, both at once.

import { Tabs } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { findConflicts } from '../../../../src/contract/dca-conflicts.ts'
import type { Finding } from '../../../../src/contract/finding.ts'
import type { DcaConfig } from '../../../../src/core/dca/config.ts'
import type { Instrument } from '../../../../src/core/market/instrument.ts'
import './builder.css'
import type { Draft } from './draft.ts'
import { DraftProvider, useDraft } from './draft-context.tsx'
import { FindingsList } from './findings-list.tsx'
import { JsonPanel } from './json-panel.tsx'
import { LadderPanel, useLadder } from './ladder-panel.tsx'
import { AveragingSection } from './section-averaging.tsx'
import { BaseOrderSection, EntrySection } from './section-base-order.tsx'
import { BasicsSection } from './section-basics.tsx'
import { ExitsSection } from './section-exits.tsx'
import { ProtectionSection, RiskSection } from './section-protection.tsx'
import { describeBot } from './summary.ts'

const SECTIONS: readonly { id: string; title: string; body: () => ReactNode }[] = [
  { id: 'basics', title: 'Basics', body: () => <BasicsSection /> },
  { id: 'base', title: 'Base order', body: () => <BaseOrderSection /> },
  { id: 'entry', title: 'Entry', body: () => <EntrySection /> },
  { id: 'averaging', title: 'Averaging', body: () => <AveragingSection /> },
  { id: 'exits', title: 'Exits', body: () => <ExitsSection /> },
  { id: 'protection', title: 'Protection', body: () => <ProtectionSection /> },
  { id: 'risk', title: 'Risk and size', body: () => <RiskSection /> },
]

export interface BuilderProps {
  readonly draft: Draft
  onChange(next: (draft: Draft) => Draft): void
  readonly instruments: readonly Instrument[]
  readonly lastPrice: (pair: string) => string | undefined
  readonly serverFindings: readonly Finding[]
  /** Buttons that save; they get the checked config, null while there are findings. */
  readonly actions: (config: DcaConfig | null) => ReactNode
  readonly head: ReactNode
}

export function Builder(props: BuilderProps) {
  const { draft, onChange, instruments, serverFindings } = props
  return (
    <DraftProvider draft={draft} onChange={onChange} instruments={instruments} serverFindings={serverFindings}>
      <BuilderBody {...props} />
    </DraftProvider>
  )
}

function BuilderBody({ instruments, lastPrice, actions, head }: BuilderProps) {
  const { config, findings } = useDraft()
  // While something is wrong the last sound config stays on the right, marked as such.
  const [sound, setSound] = useState<DcaConfig | null>(config)
  if (config && config !== sound) setSound(config)
  return (
    <>
      <div className="builderHead">
        {head}
        <div className="builderActions">{actions(config)}</div>
      </div>
      <div className="builder">
        <nav aria-label="Sections" className="builderNav">
          {SECTIONS.map(one => (
            <a
              key={one.id}
              href={`#section-${one.id}`}
              onClick={event => {
                event.preventDefault()
                document.getElementById(`section-${one.id}`)?.scrollIntoView({ block: 'start' })
              }}
            >
              {one.title}
            </a>
          ))}
        </nav>
        <form className="builderForm" onSubmit={event => event.preventDefault()}>
          {SECTIONS.map(one => (
            <section key={one.id} id={`section-${one.id}`} className="panel builderSection" aria-labelledby={`title-${one.id}`}>
              <h2 id={`title-${one.id}`}>{one.title}</h2>
              {one.body()}
            </section>
          ))}
        </form>
        <aside className="builderSide" aria-label="What the bot would do">
          {sound ? (
            <SidePanel
              config={sound}
              instruments={instruments}
              lastPrice={lastPrice}
              stale={config === null}
              findings={findings}
            />
          ) : (
            <>
              <FindingsList findings={findings} conflicts={[]} />
              <div className="panel panelBody">
                <JsonPanel />
              </div>
            </>
          )}
        </aside>
      </div>
    </>
  )
}

/** A number and its unit stay on one line. */
function unbroken(sentence: string): string {
  return sentence.replace(/(\d) (%|USDT|s|min|h|d)\b/g, '$1\u00a0$2').replaceAll(' %', '\u00a0%')
}

function SidePanel(props: {
  config: DcaConfig
  instruments: readonly Instrument[]
  lastPrice: (pair: string) => string | undefined
  stale: boolean
  findings: readonly Finding[]
}) {
  const { config, instruments, lastPrice, stale, findings } = props
  const ladder = useLadder({ config, instruments, lastPrice })
  const conflicts = useMemo(
    () =>
      stale
        ? []
        : findConflicts(config, {
            ...(ladder.instrument ? { feeBps: ladder.instrument.takerBps.toString() } : {}),
            ...(ladder.preview ? { requiredCapital: ladder.preview.requiredCapital.toString() } : {}),
            ...(ladder.preview?.balancePct ? { balance: ladder.balance } : {}),
          }),
    [config, stale, ladder.instrument, ladder.preview, ladder.balance],
  )
  return (
    <>
      <FindingsList findings={findings} conflicts={conflicts} />
      <div className={`panel${stale ? ' before' : ''}`}>
        <Tabs defaultValue="ladder" keepMounted={false}>
          <Tabs.List px={8}>
            <Tabs.Tab value="ladder">Orders of a deal</Tabs.Tab>
            <Tabs.Tab value="json">JSON</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="ladder" p={16}>
            {stale && <p className="note">As it was before the last change, which cannot be saved yet.</p>}
            <div className="sayAll">
              {describeBot(config).map(sentence => (
                <p key={sentence}>{unbroken(sentence)}</p>
              ))}
            </div>
            <LadderPanel config={config} ladder={ladder} />
          </Tabs.Panel>
          <Tabs.Panel value="json" p={16}>
            <JsonPanel />
          </Tabs.Panel>
        </Tabs>
      </div>
    </>
  )
}
