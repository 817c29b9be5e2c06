// Finds a Chromium for the browser tests, and installs the distribution's where we may.

import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runProgram } from './processes.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The path of a browser, or why there is none. */
export async function findChromium(say: (line: string) => void): Promise<{ path: string } | { reason: string }> {
  const present = search()
  if (present !== undefined) return { path: present }
  const mayInstall = process.getuid?.() === 0 && isDebian()
  if (!mayInstall)
    return { reason: 'no Chromium found (CHROMIUM_PATH, chromium, google-chrome); installing one needs root on Debian or Ubuntu' }
  say('installing Chromium (apt-get) ...')
  const script = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium'
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const end = await runProgram('sh', ['-c', script], { cwd: '/', env, timeoutSec: 300 })
  const installed = search()
  if (installed !== undefined) return { path: installed }
  const lastLine = end.output.trim().split('\n').at(-1) ?? ''
  return { reason: `no Chromium found, and apt-get ${end.timedOut ? 'took longer than 300 s' : `failed: ${lastLine}`}` }
}

function search(): string | undefined {
  const named = process.env['CHROMIUM_PATH']
  if (named !== undefined && named !== '') return isExecutable(named) ? named : undefined
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)]
  const places = names.flatMap(name => folders.map(folder => join(folder, name)))
  return [...places, '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'].find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function isDebian(): boolean {
  return existsSync('/etc/os-release') && /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
}
