// Building a new bot, a copy of one, or a new version of one.

import { Button, Modal, Stack, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { Bot } from '../../../src/contract/bots.ts'
import type { Finding } from '../../../src/contract/finding.ts'
import type { DcaConfig } from '../../../src/core/dca/config.ts'
import { ApiError, call } from '../client/call.ts'
import { refresh, useRead } from '../client/queries.ts'
import { Builder } from '../features/dca/builder.tsx'
import { type DcaConfigInput, type Draft, draftOf, newDraft } from '../features/dca/draft.ts'
import { useInstruments, useLastPrices } from '../features/market/market.ts'
import { Faces, Failed } from '../ui/faces.tsx'

export function NewBotPage() {
  const { from } = useSearch({ from: '/bots/new' })
  if (from === undefined) return <Editor key="new" initial={newDraft()} bot={null} />
  return <CopyOf botId={from} />
}

function CopyOf({ botId }: { botId: string }) {
  const query = useRead('getBot', { params: { id: botId } }, { still: true })
  return (
    <Faces query={query} what="The bot to copy">
      {bot => {
        const draft = draftOf(bot.config)
        return <Editor key={botId} initial={{ ...draft, name: `${bot.name} copy`.slice(0, 80) }} bot={null} />
      }}
    </Faces>
  )
}

export function EditBotPage() {
  const { botId } = useParams({ from: '/bots/$botId/edit' })
  const query = useRead('getBot', { params: { id: botId } })
  return (
    <Faces query={query} what="The bot" rows={6}>
      {bot => <EditorOf key={bot.botId} bot={bot} />}
    </Faces>
  )
}

/** Holds to the version it was opened with: what is being typed is never replaced by what somebody else saved. */
function EditorOf({ bot }: { bot: Bot }) {
  const [opened, setOpened] = useState(bot)
  return (
    <Editor
      key={opened.version}
      initial={draftOf(opened.config)}
      bot={{ ...opened, status: bot.status }}
      newest={bot.version}
      onReload={async () => {
        setOpened(await call('getBot', { params: { id: bot.botId } }))
        await refresh('getBot')
      }}
    />
  )
}

/** The server speaks of `config.exits…`, the draft is the config. */
function ofDraft(findings: readonly Finding[]): Finding[] {
  return findings.map(one => ({ ...one, path: one.path.replace(/^config\.?/, '') }))
}

interface EditorProps {
  readonly initial: Draft
  /** Null for a new one. */
  readonly bot: Bot | null
  /** The newest version the server has told of. */
  readonly newest?: number
  onReload?: () => Promise<void>
}

function Editor({ initial, bot, newest, onReload }: EditorProps) {
  const navigate = useNavigate()
  const [draft, setDraft] = useState(initial)
  const [refused, setRefused] = useState<{ draft: Draft; findings: readonly Finding[] } | null>(null)
  const { instruments, error: instrumentsError } = useInstruments()
  const pairs = Array.isArray(draft['pairs']) ? draft['pairs'].map(String) : []
  const lastPrice = useLastPrices(String(draft['exchange'] ?? ''), pairs)

  const save = useMutation({
    mutationFn: async ({ start }: { start: boolean }) => {
      const config = draft as DcaConfigInput
      const botId = bot
        ? (await call('replaceBot', { params: { id: bot.botId }, body: { config, baseVersion: bot.version } })).botId
        : (await call('createBot', { body: { config } })).botId
      if (start) await call('startPaper', { params: { id: botId }, body: {} })
      return botId
    },
    onSuccess: async botId => {
      await refresh('listBots', 'getBot', 'botVersions', 'botStatus')
      await navigate({ to: '/bots/$botId', params: { botId } })
    },
    onError: error => {
      if (error instanceof ApiError && error.details.length > 0) setRefused({ draft, findings: ofDraft(error.details) })
      // A bot that was created but not started is there: its page says why it does not run.
      void refresh('listBots')
    },
  })
  const conflict = save.error instanceof ApiError && save.error.code === 'VERSION_CONFLICT'
  const running =
    bot !== null &&
    (bot.status === 'running' || bot.status === 'paused' || bot.status === 'starting' || bot.status === 'stopping')

  const actions = (config: DcaConfig | null): ReactNode => {
    const why = config === null ? 'See what keeps it from being saved' : undefined
    return (
      <>
        <Button
          variant="subtle"
          color="gray"
          onClick={() => void navigate(bot ? { to: '/bots/$botId', params: { botId: bot.botId } } : { to: '/bots' })}
        >
          Cancel
        </Button>
        <Button
          variant={running ? 'filled' : 'default'}
          disabled={config === null}
          title={why}
          loading={save.isPending && !save.variables.start}
          onClick={() => save.mutate({ start: false })}
        >
          {bot ? 'Save new version' : 'Save'}
        </Button>
        {!running && (
          <Button
            disabled={config === null}
            title={why}
            loading={save.isPending && save.variables.start}
            onClick={() => save.mutate({ start: true })}
          >
            Save and start
          </Button>
        )}
      </>
    )
  }

  return (
    <>
      <Builder
        draft={draft}
        onChange={setDraft}
        instruments={instruments}
        lastPrice={lastPrice}
        serverFindings={refused && refused.draft === draft ? refused.findings : []}
        actions={actions}
        head={
          <div>
            <h1 style={{ margin: 0 }}>{bot ? `Edit ${bot.name}` : 'New DCA bot'}</h1>
            {bot && (
              <Text size="sm" c="dimmed">
                Version {bot.version}.{' '}
                {running
                  ? 'It runs on; open deals keep their version, new deals take the new one.'
                  : 'The next run takes the new version.'}
              </Text>
            )}
            {bot && newest !== undefined && newest > bot.version && (
              <Text size="sm" c="var(--ek-brass)">
                Version {newest} was saved meanwhile. Yours is not overwritten, nor will it overwrite.
              </Text>
            )}
            {instrumentsError && <Failed error={instrumentsError} what="Pairs and their rules are not known" />}
            {save.error && !conflict && <Failed error={save.error} what="Not saved" />}
          </div>
        }
      />
      {bot && (
        <Modal
          opened={conflict}
          onClose={() => save.reset()}
          title="Somebody saved a newer version"
          closeButtonProps={{ 'aria-label': 'Close' }}
        >
          <Stack>
            <Text size="sm">
              Since this page was opened, {bot.name} got another version. Yours is not saved. Copy your JSON if you want to keep
              it, then load the newer one.
            </Text>
            <Button
              onClick={() => {
                save.reset()
                void onReload?.()
              }}
            >
              Load the newer version
            </Button>
            <Button variant="default" component={Link} to="/bots/$botId" params={{ botId: bot.botId } as never}>
              Leave without saving
            </Button>
          </Stack>
        </Modal>
      )}
    </>
  )
}
