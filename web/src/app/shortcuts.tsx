// Keys that work everywhere, except while one writes.

import { Modal } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

const KEYS: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'find a page, a bot or an action'],
  ['?', 'this list'],
  ['g then b', 'bots'],
  ['g then d', 'deals'],
  ['g then s', 'settings'],
  ['n', 'new bot'],
  ['Esc', 'close what is open'],
]

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

export function useShortcuts({ openPalette, openHelp, busy }: { openPalette(): void; openHelp(): void; busy: boolean }): void {
  const navigate = useNavigate()
  const lastG = useRef(0)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        openPalette()
        return
      }
      if (busy || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return
      const afterG = event.timeStamp - lastG.current < 1200
      lastG.current = event.key === 'g' ? event.timeStamp : 0
      if (event.key === '?') openHelp()
      else if (event.key === 'n') void navigate({ to: '/bots/new' })
      else if (afterG && event.key === 'b') void navigate({ to: '/bots' })
      else if (afterG && event.key === 'd') void navigate({ to: '/deals' })
      else if (afterG && event.key === 's') void navigate({ to: '/settings' })
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [navigate, openPalette, openHelp, busy])
}

export function ShortcutsHelp({ opened, onClose }: { opened: boolean; onClose(): void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" closeButtonProps={{ 'aria-label': 'Close' }}>
      <table className="plain">
        <tbody>
          {KEYS.map(([keys, what]) => (
            <tr key={keys}>
              <td>
                <kbd className="key">{keys}</kbd>
              </td>
              <td className="say">{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Modal>
  )
}
