// The two questions: stop new exposure, and allow it again.

import { Button, Checkbox, Group, Modal, PasswordInput, Radio, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { FLATTEN_CONFIRMATION, type SafetyRecordView, type SafetyView } from '../../../../src/contract/safety.ts'
import { Failed } from '../../ui/faces.tsx'
import { LEVELS, saidOf, useSafetyChange } from './safety.ts'

interface DialogProps {
  readonly opened: boolean
  onClose(): void
}

export function KillDialog({ safety, opened, onClose }: DialogProps & { safety: SafetyView }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Kill switch" closeButtonProps={{ 'aria-label': 'Close' }}>
      {opened && <KillForm safety={safety} onClose={onClose} />}
    </Modal>
  )
}

function KillForm({ safety, onClose }: { safety: SafetyView; onClose(): void }) {
  const mayAll = safety.mayReset.includes('global')
  const [scope, setScope] = useState<'tenant' | 'global'>('tenant')
  const [reason, setReason] = useState('')
  const [flatten, setFlatten] = useState(false)
  const [confirm, setConfirm] = useState('')
  const kill = useSafetyChange('killSwitch', 'Halted: nothing new is opened')
  const sells = flatten && scope === 'tenant'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    kill.mutate(
      { body: { scope, level: 'halted', reason: reason.trim(), ...(sells ? { flatten: true, confirm } : {}) } },
      { onSuccess: onClose },
    )
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm">
          No deal is opened, nothing is averaged down, and waiting buy orders are taken back. Stops and targets stay in place:
          open deals are sold as they would be. It stays so, over restarts too, until somebody allows trading again.
        </Text>
        {mayAll && (
          <Radio.Group value={scope} onChange={value => setScope(value as 'tenant' | 'global')} label="For whom">
            <Group mt={6}>
              <Radio value="tenant" label="All my bots" />
              <Radio value="global" label="Everybody on this instance" />
            </Group>
          </Radio.Group>
        )}
        <Textarea
          label="Reason"
          description="Kept in the history"
          required
          data-autofocus
          maxLength={500}
          autosize
          minRows={2}
          value={reason}
          error={saidOf(kill.error, 'reason')}
          onChange={event => setReason(event.currentTarget.value)}
        />
        {scope === 'tenant' && (
          <Checkbox
            label="Also sell every open deal now"
            description="At the market price, at a gain or a loss. This cannot be taken back."
            checked={flatten}
            onChange={event => setFlatten(event.currentTarget.checked)}
          />
        )}
        {sells && (
          <TextInput
            label={`Type “${FLATTEN_CONFIRMATION}”`}
            autoComplete="off"
            value={confirm}
            onChange={event => setConfirm(event.currentTarget.value)}
          />
        )}
        {kill.error && !saidOf(kill.error, 'reason') && <Failed error={kill.error} what="Not halted" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            color="loss"
            loading={kill.isPending}
            disabled={reason.trim().length < 3 || (sells && confirm !== FLATTEN_CONFIRMATION)}
          >
            {sells ? 'Halt and sell everything' : 'Halt'}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

export function ResetDialog({ record, opened, onClose }: DialogProps & { record: SafetyRecordView }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Allow trading again" closeButtonProps={{ 'aria-label': 'Close' }}>
      {opened && <ResetForm record={record} onClose={onClose} />}
    </Modal>
  )
}

function ResetForm({ record, onClose }: { record: SafetyRecordView; onClose(): void }) {
  const [reason, setReason] = useState('')
  const [password, setPassword] = useState('')
  const reset = useSafetyChange('resetSafety', 'Trading is allowed again')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const target = {
      scope: record.scope,
      ...(record.scope === 'bot' || record.scope === 'account' ? { scopeId: record.scopeId! } : {}),
    }
    reset.mutate(
      { body: { ...target, reason: reason.trim(), password, baseVersion: record.version } },
      { onSuccess: onClose, onError: () => setPassword('') },
    )
  }
  const placed = saidOf(reset.error, 'password') ?? saidOf(reset.error, 'reason')
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm">
          {record.name}: {LEVELS[record.level].label.toLowerCase()}, because {record.reason || 'no reason was given'}. Bots open
          deals again as soon as their own rules say so.
        </Text>
        <Textarea
          label="Why it is safe again"
          description="Kept in the history"
          required
          data-autofocus
          maxLength={500}
          autosize
          minRows={2}
          value={reason}
          error={saidOf(reset.error, 'reason')}
          onChange={event => setReason(event.currentTarget.value)}
        />
        <PasswordInput
          label="Your password"
          required
          autoComplete="current-password"
          value={password}
          error={saidOf(reset.error, 'password')}
          onChange={event => setPassword(event.currentTarget.value)}
        />
        {reset.error && !placed && <Failed error={reset.error} what="Not changed" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={reset.isPending} disabled={reason.trim().length < 3 || password === ''}>
            Allow trading again
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
