// For tests of verbs: run a command in this process and see what it wrote.

import { main } from './main.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const streams = {
    stdout: (text: string) => {
      stdout += text
    },
    stderr: (text: string) => {
      stderr += text
    },
    width: 0,
    nowMs: () => performance.now(),
  }
  const code = await main(args, env, streams, signal)
  return { code, stdout, stderr }
}
