// The built web UI. Every path that is no file of it and no API answers the one page, whose router shows what belongs there.

import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { setSecurityHeaders } from './security-headers.ts'

export interface WebFiles {
  /** Answers a page or a file of it; false when there is none by that path. */
  serve(request: FastifyRequest, reply: FastifyReply): boolean
}

const MISSING_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evenkeel</title></head>
<body><h1>Evenkeel</h1><p>The API is running under <code>/api</code>. The web interface has not been built: <code>npm start</code> builds it.</p></body></html>
`

/** @param webRoot absolute path of the built files; null: only a note that there are none. */
export async function openWebFiles(app: FastifyInstance, webRoot: string | null): Promise<WebFiles> {
  const files = webRoot === null ? new Set<string>() : listFiles(webRoot)
  if (webRoot !== null && files.size > 0) {
    await app.register(fastifyStatic, { root: webRoot, serve: false, cacheControl: false })
  }
  const page = webRoot !== null && files.has('index.html') ? readFileSync(join(webRoot, 'index.html'), 'utf8') : MISSING_PAGE

  return {
    serve(request, reply) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return false
      const path = pathOf(request.url)
      if (path === null) return false
      if (path !== 'index.html' && files.has(path)) {
        setSecurityHeaders(request, reply, true)
        // Names of built assets hold the hash of what is in them.
        reply.header('cache-control', path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
        void reply.code(200).sendFile(path)
        return true
      }
      // A missing file is missing; a missing place is the router's matter.
      if (posix.extname(path) !== '' && path !== 'index.html') return false
      setSecurityHeaders(request, reply, true)
      reply.header('cache-control', 'no-cache')
      void reply.code(200).type('text/html; charset=utf-8').send(page)
      return true
    },
  }
}

function pathOf(url: string): string | null {
  try {
    return decodeURIComponent(url.split(/[?#]/)[0] ?? '').replace(/^\/+/, '')
  } catch {
    return null
  }
}

function listFiles(root: string): Set<string> {
  try {
    const entries = readdirSync(root, { recursive: true, withFileTypes: true })
    return new Set(
      entries
        .filter(entry => entry.isFile())
        .map(entry =>
          join(entry.parentPath, entry.name)
            .slice(root.length + 1)
            .split(sep)
            .join('/'),
        ),
    )
  } catch {
    return new Set()
  }
}
