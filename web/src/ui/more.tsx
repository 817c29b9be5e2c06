// A list that begins short and grows on demand.

import { Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'

const FIRST = 100
const MOST = 1000

export function useMore(): { limit: number; more: (nextCursor: string | null) => ReactNode } {
  const [limit, setLimit] = useState(FIRST)
  return {
    limit,
    more: nextCursor =>
      nextCursor !== null && limit < MOST ? (
        <div className="more">
          <Button size="xs" variant="default" onClick={() => setLimit(limit === FIRST ? 400 : MOST)}>
            Show more
          </Button>
        </div>
      ) : null,
  }
}
