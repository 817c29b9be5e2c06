// All bots.

import { Button, Group } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useRead } from '../client/queries.ts'
import { BotsList } from '../features/bots/bots-list.tsx'
import { Empty, Faces } from '../ui/faces.tsx'
import { Icon } from '../ui/icon.tsx'

export function BotsPage() {
  const query = useRead('listBots', { query: { limit: 200 } }, { everyMs: 15_000 })
  return (
    <>
      <Group justify="space-between" mb="lg">
        <h1 style={{ margin: 0 }}>Bots</h1>
        <Button component={Link} to="/bots/new" hiddenFrom="sm" leftSection={<Icon name="plus" size={16} />}>
          New bot
        </Button>
      </Group>
      <Faces query={query} what="The bots" rows={4}>
        {({ items }) =>
          items.length === 0 ? (
            <div className="panel">
              <Empty
                title="No bot yet"
                action={
                  <Group justify="center">
                    <Button component={Link} to="/">
                      Start a demo bot
                    </Button>
                    <Button component={Link} to="/bots/new" variant="default">
                      Build one
                    </Button>
                  </Group>
                }
              >
                The demo bot trades play money on the built-in market and needs nothing from you.
              </Empty>
            </div>
          ) : (
            <BotsList bots={items} />
          )
        }
      </Faces>
    </>
  )
}
