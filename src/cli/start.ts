// evenkeel start: everything that serves - database, worker, API and web UI - until it is told to stop.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type AppConfig, readConfig } from '../app/config.ts'
import { lockHome } from '../app/process-lock.ts'
import { ensureWebBuilt } from '../app/web-build.ts'
import { startApp } from '../app/wire.ts'
import { CliError, choiceOption, EXIT, flagOption, integerOption, textOption, type Verb } from './verb.ts'

const ROOT = join(import.meta.dirname, '..', '..')

export const verb: Verb = {
  name: 'start',
  summary: 'serve the web UI, the API and the bots',
  usage: '[--port N] [--host ADDRESS] [--role all|api|worker]',
  details:
    'Settings come from the environment (docs/configuration.md); the options here win. Stops cleanly on SIGINT and SIGTERM: bots finish\n' +
    'the instant they are in and go on from there at the next start.',
  options: {
    port: { type: 'string', value: 'N', help: 'port of the web UI and the API; 0 = any free one (PORT, 4510)' },
    host: { type: 'string', value: 'ADDRESS', help: 'address to listen on (HOST, 127.0.0.1)' },
    role: { type: 'string', value: 'ROLE', help: 'all, api or worker (ROLE, all)' },
    'no-web': { type: 'boolean', help: 'serve the API alone' },
  },
  async run(context) {
    const fromEnvironment = readConfig(context.env)
    const config: AppConfig = {
      ...fromEnvironment,
      port: integerOption(context, 'port', 0, 65_535) ?? fromEnvironment.port,
      host: textOption(context, 'host') ?? fromEnvironment.host,
      role: choiceOption(context, 'role', ['all', 'api', 'worker'] as const) ?? fromEnvironment.role,
    }
    const progress = (message: string): void => context.out.note(`evenkeel: ${message}`)
    const unlock = claimHome(config)
    try {
      if (config.role !== 'worker') await requirePort(config)
      const web = config.role !== 'worker' && !flagOption(context, 'no-web')
      const version = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version
      const webRoot = web ? await ensureWebBuilt(ROOT, progress) : null
      const app = await startApp({ config, env: context.env, version, webRoot, progress }).catch((error: unknown) => {
        throw portTaken(error, config)
      })
      if (app.signUpCode) context.out.note(`evenkeel: first account: open the page and enter the code ${app.signUpCode}`)
      context.out.result({ ready: true, url: app.url }, () => [
        app.url ? `Evenkeel ready on ${app.url}` : 'Evenkeel worker ready',
      ])
      await untilAborted(context.signal)
      progress('stopping')
      await app.stop()
      return EXIT.ok
    } finally {
      unlock()
    }
  },
}

function claimHome(config: AppConfig): () => void {
  try {
    return lockHome(config.home)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (
      code === 'EACCES' ||
      code === 'EROFS' ||
      code === 'ENOTDIR' ||
      code === 'ENOSPC' ||
      code === 'EPERM' ||
      code === 'ENOENT'
    ) {
      const why = code === 'ENOSPC' ? 'the disk is full' : 'it cannot be written'
      throw new CliError(
        EXIT.failed,
        'HOME_UNUSABLE',
        `EVENKEEL_HOME ${config.home}: ${why} (${code}). Give another directory or mend it`,
        [],
        error,
      )
    }
    throw error
  }
}

/** Tried before the database is made or opened: a taken port must leave nothing behind. */
function requirePort(config: AppConfig): Promise<void> {
  if (config.port === 0) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const trial = createServer()
    trial.once('error', error => reject(portTaken(error, config)))
    trial.listen(config.port, config.host, () => trial.close(() => resolve()))
  })
}

function portTaken(error: unknown, config: AppConfig): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return error
  return new CliError(
    EXIT.failed,
    'PORT_IN_USE',
    `PORT ${config.port} on ${config.host} is used by another program: stop it, or start with PORT=0 for any free port`,
    [],
    error,
  )
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
