// Where an address leads nowhere.

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { Empty } from '../ui/faces.tsx'

export function MissingPage() {
  return (
    <Empty
      title="There is no such page"
      action={
        <Button component={Link} to="/bots">
          To the bots
        </Button>
      }
    >
      The address may be of a bot that was deleted.
    </Empty>
  )
}
