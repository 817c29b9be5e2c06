// The palette: type a few letters, press Enter. Pages, bots and the actions that fit.

import { Modal, TextInput, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useRead } from '../client/queries.ts'
import { Icon } from '../ui/icon.tsx'

interface Entry {
  readonly id: string
  readonly label: string
  readonly hint: string
  run(): void
}

export function Palette({ opened, onClose, onHelp }: { opened: boolean; onClose(): void; onHelp(): void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={520}
      centered={false}
      yOffset="12vh"
      attributes={{ content: { 'aria-label': 'Find and do' } }}
    >
      {opened && <PaletteBody onClose={onClose} onHelp={onHelp} />}
    </Modal>
  )
}

function PaletteBody({ onClose, onHelp }: { onClose(): void; onHelp(): void }) {
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const bots = useRead('listBots', { query: { limit: 200 } })
  const [text, setText] = useState('')
  const [active, setActive] = useState(0)

  const found = useMemo(() => {
    const entries: Entry[] = [
      { id: 'new', label: 'New bot', hint: 'build', run: () => void navigate({ to: '/bots/new' }) },
      { id: 'start', label: 'Start', hint: 'page', run: () => void navigate({ to: '/' }) },
      { id: 'bots', label: 'Bots', hint: 'page', run: () => void navigate({ to: '/bots' }) },
      { id: 'deals', label: 'Deals', hint: 'page', run: () => void navigate({ to: '/deals' }) },
      { id: 'settings', label: 'Settings', hint: 'page', run: () => void navigate({ to: '/settings' }) },
      { id: 'keys', label: 'Keys', hint: 'help', run: onHelp },
      {
        id: 'theme',
        label: scheme === 'dark' ? 'Light theme' : 'Dark theme',
        hint: 'look',
        run: () => setColorScheme(scheme === 'dark' ? 'light' : 'dark'),
      },
      ...(bots.data?.items ?? []).flatMap(bot => [
        {
          id: `bot-${bot.botId}`,
          label: bot.name,
          hint: bot.status,
          run: () => void navigate({ to: '/bots/$botId', params: { botId: bot.botId } }),
        },
        {
          id: `edit-${bot.botId}`,
          label: `Edit ${bot.name}`,
          hint: 'build',
          run: () => void navigate({ to: '/bots/$botId/edit', params: { botId: bot.botId } }),
        },
      ]),
    ]
    const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean)
    return entries.filter(entry => wanted.every(part => entry.label.toLowerCase().includes(part))).slice(0, 12)
  }, [bots.data, text, navigate, onHelp, scheme, setColorScheme])

  const run = (entry: Entry | undefined) => {
    if (!entry) return
    onClose()
    entry.run()
  }
  const current = Math.min(active, Math.max(0, found.length - 1))
  return (
    <div>
      <TextInput
        data-autofocus
        size="md"
        variant="unstyled"
        px={14}
        placeholder="Find a page, a bot or an action"
        aria-label="Find a page, a bot or an action"
        role="combobox"
        aria-expanded={true}
        aria-controls="palette-list"
        aria-activedescendant={found[current] ? `palette-${found[current].id}` : undefined}
        leftSection={<Icon name="search" />}
        value={text}
        onChange={event => {
          setText(event.currentTarget.value)
          setActive(0)
        }}
        onKeyDown={event => {
          if (event.key === 'ArrowDown') setActive(Math.min(current + 1, found.length - 1))
          else if (event.key === 'ArrowUp') setActive(Math.max(current - 1, 0))
          else if (event.key === 'Enter') run(found[current])
          else return
          event.preventDefault()
        }}
      />
      <div id="palette-list" role="listbox" aria-label="Found" className="paletteList">
        {found.map((entry, index) => (
          <div
            key={entry.id}
            id={`palette-${entry.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === current}
            className="paletteItem"
            onMouseMove={() => setActive(index)}
            onClick={() => run(entry)}
            onKeyDown={event => event.key === 'Enter' && run(entry)}
          >
            <span>{entry.label}</span>
            <span className="dim small">{entry.hint}</span>
          </div>
        ))}
        {found.length === 0 && (
          <p className="dim" style={{ padding: '4px 14px' }}>
            Nothing is called that.
          </p>
        )}
      </div>
    </div>
  )
}
