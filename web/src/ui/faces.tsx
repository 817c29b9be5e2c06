// The four faces of a view besides its content: empty, loading, stale, failed.

import { Button, Skeleton, Stack } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'
import { duration } from './format.ts'
import { Icon } from './icon.tsx'

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <p className="emptyTitle">{title}</p>
      {children && <p className="dim">{children}</p>}
      {action && <div style={{ marginTop: 14 }}>{action}</div>}
    </div>
  )
}

export function Loading({ rows = 3, height = 20 }: { rows?: number; height?: number }) {
  return (
    <Stack gap="sm" p="md" role="status" aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars of a skeleton are all alike
        <Skeleton key={i} height={height} width={`${92 - ((i * 17) % 40)}%`} />
      ))}
    </Stack>
  )
}

interface Failure {
  readonly message: string
  readonly code?: string
  readonly requestId?: string | null
}

export function Failed({ error, retry, what }: { error: Failure; retry?: () => void; what?: string }) {
  return (
    <div className="failed" role="alert">
      <Icon name="alert" />
      <div>
        <p>
          {what ? `${what}: ` : ''}
          {error.message}
        </p>
        <p className="dim small">
          {error.code && <span>{error.code}</span>}
          {error.requestId && <span> · request {error.requestId}</span>}
        </p>
        {retry && (
          <Button size="xs" variant="default" mt={8} onClick={retry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  )
}

const STALE_AFTER_MS = 20_000

/** Says how old the figures are, and why, once they are older than they should be. */
export function Stale({ query }: { query: Pick<UseQueryResult, 'dataUpdatedAt' | 'error' | 'isError'> }) {
  const [now, setNow] = useState(() => Date.now())
  const broken = query.isError
  useEffect(() => {
    if (!broken) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [broken])
  const age = now - query.dataUpdatedAt
  if (!broken || query.dataUpdatedAt === 0 || age < 0) return null
  return (
    <p className="stale" role="status">
      <Icon name="clock" size={15} /> These figures are {duration(age / 1000)} old
      {age > STALE_AFTER_MS ? ' and may be wrong now' : ''}: {query.error?.message}
    </p>
  )
}

/** A query with all its faces; `children` gets the data. What was read once stays on the page while it cannot be read again. */
export function Faces<T>(props: {
  query: UseQueryResult<T, Error>
  what: string
  rows?: number
  /** Another part of the page says already that the server is away. */
  quiet?: boolean
  children: (data: T) => ReactNode
}) {
  const { query, what, rows, quiet, children } = props
  if (query.data !== undefined)
    return (
      <>
        {!quiet && <Stale query={query} />}
        {children(query.data)}
      </>
    )
  if (query.isError) return <Failed error={query.error as Failure} what={what} retry={() => void query.refetch()} />
  return <Loading {...(rows ? { rows } : {})} />
}
