import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeTooOld } from './main.ts'
import { runCli } from './testing.ts'
import {
  CliError,
  choiceOption,
  EXIT,
  flagOption,
  instantOption,
  integerOption,
  nearest,
  numberOption,
  Output,
  requiredOption,
  runVerb,
  textOptions,
  type Verb,
  type VerbContext,
  type VerbGroup,
} from './verb.ts'
import { VERBS } from './verbs.ts'

const signal = new AbortController().signal

function verbOf(run: (context: VerbContext) => Promise<number> | number): Verb {
  return {
    name: 'try',
    summary: 'tries',
    usage: 'THING [--count N]',
    options: {
      count: { type: 'string', value: 'N', help: 'how many' },
      when: { type: 'string', help: 'a time' },
      kind: { type: 'string', help: 'a kind' },
      file: { type: 'string', multiple: true, help: 'files' },
      fast: { type: 'boolean', short: 'f', help: 'fast' },
    },
    run: async context => run(context),
  }
}

async function ran(args: readonly string[], run: (context: VerbContext) => Promise<number> | number, width = 0) {
  let stdout = ''
  let stderr = ''
  let nowMs = 0
  const streams = {
    stdout: (text: string) => {
      stdout += text
    },
    stderr: (text: string) => {
      stderr += text
    },
    width,
    nowMs: () => (nowMs += 1000),
  }
  const code = await runVerb(verbOf(run), args, streams, {}, signal)
  return { code, stdout, stderr }
}

const usage = (args: readonly string[], run: (context: VerbContext) => unknown, message: RegExp) =>
  assert.rejects(
    ran(args, context => {
      run(context)
      return EXIT.ok
    }),
    (error: unknown) => {
      assert.ok(error instanceof CliError)
      assert.equal(error.exitCode, 2)
      assert.match(error.message, message)
      return true
    },
  )

test('options arrive typed, and what makes no sense is told with field, value and remedy', async () => {
  const args = ['a', '--count', '7', '-f', '--file', 'x', '--file=y', '--kind', 'b', '--when', '2024-02-29', '--json']
  const { code } = await ran(args, context => {
    assert.deepEqual(context.args, ['a'])
    assert.equal(integerOption(context, 'count', 1, 9), 7)
    assert.equal(numberOption(context, 'count', 1, 9), 7)
    assert.equal(flagOption(context, 'fast'), true)
    assert.deepEqual(textOptions(context, 'file'), ['x', 'y'])
    assert.equal(choiceOption(context, 'kind', ['a', 'b']), 'b')
    assert.equal(instantOption(context, 'when'), Date.UTC(2024, 1, 29))
    assert.equal(context.json, true)
    return EXIT.verification
  })
  assert.equal(code, 5)
  await usage(['--count', '10'], c => integerOption(c, 'count', 1, 9), /--count is "10": write a whole number from 1 to 9/)
  await usage(['--count', '1.5'], c => integerOption(c, 'count', 1, 9), /--count is "1.5"/)
  await usage(['--count', 'x'], c => numberOption(c, 'count', 1, 9), /--count is "x": write a number from 1 to 9/)
  await usage(['--kind', 'alpa'], c => choiceOption(c, 'kind', ['alpha', 'beta']), /did you mean alpha\? one of alpha, beta/)
  await usage([], c => requiredOption(c, 'count', 'say how many'), /--count is missing: say how many/)
  await usage(['--cuont', '1'], () => {}, /option is "--cuont": did you mean --count\?/)
  await usage(['--count'], () => {}, /--count is missing: give it a value: --count N/)
  await usage(['--fast=1'], () => {}, /--fast takes no value/)
  for (const bad of ['2024-02-30', 'soon', '2024-13-01', '24:00', '2024-01-01T25:00']) {
    await usage(['--when', bad], c => instantOption(c, 'when'), /write a date such as 2024-01-31/)
  }
})

test('instants are dates, ISO times of any zone, or epoch ms', async () => {
  const instants = {
    '2024-01-31': Date.UTC(2024, 0, 31),
    '2024-01-31T12:30': Date.UTC(2024, 0, 31, 12, 30),
    '2024-01-31 12:30:15.5Z': Date.UTC(2024, 0, 31, 12, 30, 15, 500),
    '2024-01-31T12:30+02:00': Date.UTC(2024, 0, 31, 10, 30),
    1706661000000: 1706661000000,
  }
  for (const [text, atMs] of Object.entries(instants)) {
    await ran(['--when', text], context => {
      assert.equal(instantOption(context, 'when'), atMs, text)
      return EXIT.ok
    })
  }
})

test('with --json one document goes to stdout and every line to stderr', async () => {
  const run = (context: VerbContext) => {
    context.out.line('a line')
    context.out.note('a note')
    context.out.result({ answer: 1 }, () => ['one'])
    return EXIT.ok
  }
  assert.deepEqual(await ran([], run), { code: 0, stdout: 'a line\none\n', stderr: 'a note\n' })
  assert.deepEqual(await ran(['--json'], run), { code: 0, stdout: '{"answer":1}\n', stderr: 'a line\na note\n' })
})

test('progress is a bar on a terminal and seldom lines elsewhere, always on stderr', async () => {
  const run = (context: VerbContext) => {
    const report = context.out.progress('reading', 20)
    for (let done = 1; done <= 20; done += 1) report(done)
    context.out.line('done')
    return EXIT.ok
  }
  const terminal = await ran([], run, 100)
  assert.equal(terminal.stdout, 'done\n')
  assert.match(terminal.stderr, /\[#+\.+\] reading 50 % \(10\/20\), 10 s left/)
  assert.match(terminal.stderr, /100 % \(20\/20\)\n$/)
  const plain = await ran([], run)
  assert.equal(plain.stderr.split('\n').filter(Boolean).length, 4)
  assert.ok(!plain.stderr.includes('\u001b'))
})

test('help tells usage, options and details; groups list their verbs', async () => {
  const { code, stdout } = await ran(['--help'], () => EXIT.failed)
  assert.equal(code, 0)
  assert.match(stdout, /Usage: evenkeel try THING \[--count N\]/)
  assert.match(stdout, /-f, --fast/)
  assert.match(stdout, /--json/)
  const group: VerbGroup = { name: 'things', summary: 'of things', verbs: [verbOf(() => EXIT.ok)] }
  const out: string[] = []
  const streams = {
    stdout: (text: string) => void out.push(text),
    stderr: (text: string) => void out.push(text),
    width: 0,
    nowMs: () => 0,
  }
  assert.equal(await runVerb(group, ['try'], streams, {}, signal), 0)
  assert.equal(await runVerb(group, [], streams, {}, signal), 2)
  assert.equal(await runVerb(group, ['--help'], streams, {}, signal), 0)
  assert.match(out.join(''), /evenkeel things VERB[\s\S]*try {2}tries/)
  await assert.rejects(runVerb(group, ['tri'], streams, {}, signal), /did you mean try\?/)
})

test('unknown verbs exit 2 and name the nearest one; --help lists all', async () => {
  const unknown = await runCli(['indicater'])
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /did you mean indicator\?/)
  const inJson = await runCli(['indicater', '--json'])
  assert.equal(JSON.parse(inJson.stdout).error.code, 'BAD_REQUEST')
  const help = await runCli(['--help'])
  assert.equal(help.code, 0)
  for (const verb of VERBS) assert.ok(help.stdout.includes(verb.name))
  assert.equal((await runCli([])).code, 2)
})

test('each registered verb loads, is the one it is called, and helps', async () => {
  for (const registered of VERBS) {
    const { verb } = await registered.load()
    assert.equal(verb.name, registered.name)
    assert.equal((await runCli([registered.name, '--help'])).code, 0)
    for (const alias of registered.aliases ?? []) assert.equal((await runCli([alias, '--help'])).code, 0)
  }
})

test('names near to each other are found, far ones not', () => {
  assert.equal(nearest('backtst', ['backtest', 'bots']), 'backtest')
  assert.equal(nearest('CANDLES', ['candles']), 'candles')
  assert.equal(nearest('zzz', ['candles', 'bots']), undefined)
})

test('too old a Node is told', () => {
  assert.equal(nodeTooOld('24.21.0'), null)
  assert.equal(nodeTooOld('22.18.0'), null)
  assert.match(nodeTooOld('22.17.1') ?? '', /needs Node 22.18 or newer, this is 22.17.1/)
  assert.match(nodeTooOld('20.20.0') ?? '', /needs Node/)
})

test('lines of an open progress bar are ended before other output', () => {
  let stderr = ''
  let nowMs = 0
  const streams = {
    stdout: () => {},
    stderr: (text: string) => {
      stderr += text
    },
    width: 60,
    nowMs: () => (nowMs += 1000),
  }
  const out = new Output(streams, false)
  out.progress('x', 10)(3)
  out.note('a note')
  assert.match(stderr, /\(3\/10\), \d+ s left\na note\n$/)
})

test('a closed pipe is no failure, and --help is there in a moment', async () => {
  const main = join(import.meta.dirname, 'main.ts')
  const startedAt = performance.now()
  const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', text => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  assert.equal(code, 0, stderr)
  assert.ok(performance.now() - startedAt < 2000)
})

test('a verb of options only refuses what is not one, before it runs', async () => {
  const streams = { stdout: () => {}, stderr: () => {}, width: 0, nowMs: () => 0 }
  const never = verbOf(() => assert.fail('it runs'))
  const optionsOnly = { ...never, usage: '[--count N]', options: { count: never.options['count']! } }
  for (const [verb, message] of [
    [optionsOnly, /^argument is "bot-1": evenkeel try takes options only: --count$/],
    [{ ...never, usage: '', options: {} }, /^argument is "bot-1": evenkeel try takes none$/],
  ] as const)
    await assert.rejects(runVerb(verb, ['bot-1'], streams, {}, signal), (error: unknown) => {
      assert.ok(error instanceof CliError)
      assert.equal(error.exitCode, 2)
      assert.match(error.message, message)
      return true
    })
})
