// The buttons of a bot: what fits its state stands in front, everything else in a menu that says why it does not fit.

import { ActionIcon, Button, Group, Menu, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Bot } from '../../../../src/contract/bots.ts'
import { Icon } from '../../ui/icon.tsx'
import { type BotAction, refusal, useCommand } from './commands.ts'
import { DeleteDialog, PanicDialog, StartDealDialog, StopDialog } from './dialogs.tsx'
import { StartDialog } from './start-dialog.tsx'

type Dialog = 'start' | 'stop' | 'panic' | 'deal' | 'delete' | null

export function BotActions({
  bot,
  openDeals,
  size = 'xs',
  onDeleted,
}: {
  bot: Bot
  openDeals: number
  size?: 'xs' | 'sm'
  onDeleted?: () => void
}) {
  const navigate = useNavigate()
  const [dialog, setDialog] = useState<Dialog>(null)
  const pause = useCommand('pauseBot', `${bot.name} is paused`)
  const resume = useCommand('resumeBot', `${bot.name} goes on`)
  const close = () => setDialog(null)
  const fits = (action: BotAction) => refusal(action, bot.status) === null
  const { status } = bot
  return (
    <>
      <Group gap={6} wrap="nowrap">
        {(status === 'inactive' || status === 'stopped' || status === 'error') && (
          <Button
            size={size}
            leftSection={<Icon name="play" size={14} />}
            onClick={() => setDialog('start')}
            aria-label={`Start ${bot.name}`}
          >
            Start
          </Button>
        )}
        {(status === 'running' || status === 'starting') && (
          <Button
            size={size}
            variant="default"
            leftSection={<Icon name="pause" size={14} />}
            loading={pause.isPending}
            onClick={() => pause.mutate({ params: { id: bot.botId } })}
            aria-label={`Pause ${bot.name}`}
          >
            Pause
          </Button>
        )}
        {status === 'paused' && (
          <Button
            size={size}
            leftSection={<Icon name="play" size={14} />}
            loading={resume.isPending}
            onClick={() => resume.mutate({ params: { id: bot.botId } })}
            aria-label={`Resume ${bot.name}`}
          >
            Resume
          </Button>
        )}
        {fits('stop') && status !== 'error' && (
          <Button
            size={size}
            variant="default"
            leftSection={<Icon name="stop" size={13} />}
            onClick={() => setDialog('stop')}
            aria-label={`Stop ${bot.name}`}
          >
            Stop
          </Button>
        )}
        <Menu position="bottom-end" width={260} withinPortal>
          <Menu.Target>
            <ActionIcon size={size === 'xs' ? 30 : 36} variant="default" aria-label={`More for ${bot.name}`}>
              <Icon name="dots" />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Entry action="deal" bot={bot} label="Start a deal now" onClick={() => setDialog('deal')} />
            <Menu.Item
              leftSection={<Icon name="edit" size={15} />}
              onClick={() => void navigate({ to: '/bots/$botId/edit', params: { botId: bot.botId } })}
            >
              Edit
            </Menu.Item>
            <Menu.Item
              leftSection={<Icon name="copy" size={15} />}
              onClick={() => void navigate({ to: '/bots/new', search: { from: bot.botId } })}
            >
              Duplicate
            </Menu.Item>
            <Menu.Divider />
            <Entry action="panic" bot={bot} label="Panic: pause and sell everything" danger onClick={() => setDialog('panic')} />
            <Entry action="delete" bot={bot} label="Delete" danger onClick={() => setDialog('delete')} />
          </Menu.Dropdown>
        </Menu>
      </Group>
      <StartDialog bot={bot} opened={dialog === 'start'} onClose={close} />
      <StopDialog bot={bot} opened={dialog === 'stop'} onClose={close} openDeals={openDeals} />
      <PanicDialog bot={bot} opened={dialog === 'panic'} onClose={close} />
      <StartDealDialog bot={bot} opened={dialog === 'deal'} onClose={close} />
      <DeleteDialog bot={bot} opened={dialog === 'delete'} onClose={close} {...(onDeleted ? { onDeleted } : {})} />
    </>
  )
}

function Entry(props: { action: BotAction; bot: Bot; label: string; danger?: boolean; onClick(): void }) {
  const why = refusal(props.action, props.bot.status)
  return (
    <Menu.Item disabled={why !== null} {...(props.danger ? { color: 'loss' } : {})} onClick={props.onClick}>
      {props.label}
      {why !== null && (
        <Text size="xs" c="dimmed">
          {why}
        </Text>
      )}
    </Menu.Item>
  )
}
