// evenkeel crash-lab: the real engine, runs and stores in a world that fails, by seeds. What breaks is told as a story that can be told
// again; what holds comes with a certificate that says what was tried.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { instrumentRules } from '../core/market/instrument.ts'
import { type Certificate, certificateLines } from '../crash-lab/certificate.ts'
import { openDeepStory } from '../crash-lab/deep-backend.ts'
import { FAULT_GROUPS, type FaultGroup } from '../crash-lab/faults.ts'
import type { KillMode } from '../crash-lab/kills.ts'
import type { Outcome } from '../crash-lab/lab.ts'
import { configHash, likelyPrice, ownBot } from '../crash-lab/own-bot.ts'
import { killPointsOf, runStory, shrink, storyOf } from '../crash-lab/run-story.ts'
import { type SeedJob, spreadSeeds } from '../crash-lab/spread-seeds.ts'
import { isScenario, type OwnBot, SCENARIOS, type Story, type StoryRequest } from '../crash-lab/story.ts'
import { type BrokenStory, count, emptyTally, type Tally } from '../crash-lab/tally.ts'
import { symbolsOf } from '../engine/dca/prepare.ts'
import { ENGINE_VERSION } from '../engine/version.ts'
import { openDatabase } from '../storage/database.ts'
import { decimalOption, parseBot, RULE_OPTIONS, RuleBook, readBotInput } from './bot-file.ts'
import { EXIT, flagOption, integerOption, suggestion, textOption, UsageError, type Verb, type VerbContext } from './verb.ts'

export const verb: Verb = {
  name: 'crash-lab',
  summary: 'try bots against a lying exchange, a failing database and dying workers',
  usage:
    '[--config bot.json] [--scenario S] [--seeds A..B] [--kill every-await|P] [--faults venue,net,db,clock] [--budget 60s] [--deep]',
  details: `Each seed is a story: bots, a market, faults, deaths of the worker, and what people do. The code that trades is the one that runs
live; the exchange, the network, the clock and the database around it are made up and fail. After every event 26 invariants are
checked. The first that breaks ends the run with exit code 1, the seed, and the shortest story found that still breaks.
Without --config the laboratory's own bots are tried. --replay tells one seed again, to the last bit, and shrinks it.
Scenarios: ${SCENARIOS.filter(each => !each.startsWith('fault:')).join(', ')}, and fault:NAME for each fault alone.`,
  options: {
    config: { type: 'string', value: 'FILE', help: 'your own bot: JSON as the API takes it' },
    price: {
      type: 'string',
      value: 'P',
      help: "price at which the market of your bot begins (default: from the bot's own prices, else 100)",
    },
    ...RULE_OPTIONS,
    scenario: { type: 'string', value: 'NAME', help: 'tell only stories of this kind' },
    seeds: { type: 'string', value: 'A..B', help: 'seeds to tell (default 1..200)' },
    kill: {
      type: 'string',
      value: 'every-await|P',
      help: 'die once at every point of each story, or at each point with chance P',
    },
    faults: { type: 'string', value: 'GROUPS', help: `only these groups of faults: ${FAULT_GROUPS.join(', ')}` },
    budget: { type: 'string', value: 'TIME', help: 'begin no story after this time, such as 90s, 15m or 8h' },
    deep: {
      type: 'boolean',
      help: 'on a real PostgreSQL of its own, one story after the other: slow, for a few seeds',
    },
    threads: { type: 'string', value: 'N', help: 'threads (default: one for each core)' },
    replay: { type: 'string', value: 'SEED', help: 'tell one seed again, and shrink it where it breaks' },
  },
  run,
}

const MOST_SEED = 2 ** 31

interface Plan {
  readonly request: Omit<StoryRequest, 'seed'>
  readonly everyAwait: boolean
  readonly own: OwnBot | null
  readonly botHash: string | null
}

async function run(context: VerbContext): Promise<number> {
  if (context.args.length > 0) throw new UsageError('argument', context.args[0], 'crash-lab takes options only')
  const replay = integerOption(context, 'replay', 0, MOST_SEED)
  const seeds = seedRange(context)
  const budgetMs = duration(context, 'budget')
  const threads = integerOption(context, 'threads', 1, 64)
  const plan = await planOf(context)
  const isDeep = flagOption(context, 'deep')
  if (isDeep && (replay !== undefined || plan.everyAwait))
    throw new UsageError('--deep', true, 'it tells seeds as they are: leave out --replay and --kill every-await')
  if (replay !== undefined) return replayOne(context, plan, replay)

  const startedMs = performance.now()
  const deadlineMs = budgetMs === undefined ? undefined : startedMs + budgetMs
  const progress = context.out.progress('crash lab', seeds[1] - seeds[0] + 1)
  let seedsDone = 0
  const tally = isDeep
    ? await tellDeep(context, plan, seeds, deadlineMs, progress)
    : (
        await spreadSeeds(
          jobsOf(plan, seeds, () => {
            seedsDone += 1
          }),
          {
            ...(threads === undefined ? {} : { threads }),
            signal: context.signal,
            ...(deadlineMs === undefined ? {} : { deadlineMs }),
            monotonicMs: () => performance.now(),
            stopsAtBreak: true,
            onProgress: done => progress(plan.everyAwait ? seedsDone : done),
          },
        )
      ).tally
  if (context.signal.aborted) return EXIT.cancelled
  const [broken] = tally.broken.toSorted((a, b) => a.seed - b.seed)
  if (broken && isDeep) {
    context.out.result({ ok: false, mode: 'deep', ...broken }, () => [
      `BROKEN on PostgreSQL: seed ${broken.seed} (${broken.scenario}), step ${broken.step}`,
      `invariant ${broken.invariant}, ${broken.name}`,
      `  ${broken.message}`,
    ])
    return EXIT.failed
  }
  if (broken) return tellBroken(context, plan, broken, tally)
  const told: readonly [number, number] = [
    seeds[0],
    seeds[0] + (plan.everyAwait ? Math.max(0, seedsDone - 1) : tally.stories - 1),
  ]
  const certificate: Certificate = {
    botHash: plan.botHash,
    engineVersion: ENGINE_VERSION,
    seeds: told,
    mode: isDeep ? 'deep' : 'fast',
    kills: plan.everyAwait ? 'once at every point of each story' : describeKills(plan.request.kills),
    usesCommands: plan.own?.needsCommand ?? false,
    tally,
  }
  const seconds = (performance.now() - startedMs) / 1000
  context.out.result({ ok: true, seconds, ...certificate }, () => [
    `clean: ${tally.stories} stories in ${seconds.toFixed(1)} s`,
    '',
    ...certificateLines(certificate),
  ])
  return EXIT.ok
}

/** Seeds one after the other on a database server that lives only for this. */
async function tellDeep(
  context: VerbContext,
  plan: Plan,
  [from, to]: readonly [number, number],
  deadlineMs: number | undefined,
  progress: (done: number) => void,
): Promise<Tally> {
  const tally = emptyTally()
  const home = await mkdtemp(join(tmpdir(), 'evenkeel-crash-lab-'))
  const quiet = (): void => {}
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
  try {
    const db = await openDatabase({ home, role: 'cli', log, poolSize: 4 })
    try {
      for (let seed = from; seed <= to && tally.broken.length === 0 && !context.signal.aborted; seed += 1) {
        if (deadlineMs !== undefined && performance.now() >= deadlineMs) break
        const { story, backend } = await openDeepStory(db, storyOf({ ...plan.request, seed }))
        count(tally, story, await runStory(story, null, backend))
        progress(seed - from + 1)
      }
    } finally {
      await db.close()
    }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
  return tally
}

async function planOf(context: VerbContext): Promise<Plan> {
  const scenario = textOption(context, 'scenario')
  if (scenario !== undefined && !isScenario(scenario))
    throw new UsageError('--scenario', scenario, `${suggestion(scenario, SCENARIOS)}the scenarios are ${SCENARIOS.join(', ')}`)
  const groups = textOption(context, 'faults')
    ?.split(',')
    .map(each => each.trim())
    .filter(each => each !== '')
  const wrong = groups?.find(each => !FAULT_GROUPS.some(group => group === each))
  if (wrong !== undefined) throw new UsageError('--faults', wrong, `the groups are ${FAULT_GROUPS.join(', ')}`)
  const kill = textOption(context, 'kill')
  const everyAwait = kill === 'every-await'
  const chance = kill === undefined || everyAwait ? null : Number(kill)
  if (chance !== null && !(chance >= 0 && chance <= 1 && kill!.trim() !== ''))
    throw new UsageError('--kill', kill, 'write every-await, or a chance from 0 to 1 such as 0.01')
  const kills: KillMode | null = everyAwait ? { kind: 'none' } : chance === null ? null : { kind: 'chance', probability: chance }
  const own = textOption(context, 'config') === undefined ? null : await readOwnBot(context)
  return {
    request: {
      ...(scenario === undefined ? {} : { scenario }),
      ...(groups ? { groups: groups as FaultGroup[] } : {}),
      ...(kills ? { kills } : {}),
      ...(own ? { own: own.bot } : {}),
    },
    everyAwait,
    own: own?.bot ?? null,
    botHash: own?.hash ?? null,
  }
}

async function readOwnBot(context: VerbContext): Promise<{ bot: OwnBot; hash: string }> {
  const input = await readBotInput(context)
  const ruleBook = await RuleBook.fromOptions(context)
  const draft = parseBot(input)
  const symbols = symbolsOf(draft.config)
  const instruments = new Map(symbols.map(symbol => [symbol, ruleBook.instrument(draft.config.exchange, symbol)]))
  const { config, document } = parseBot(input, symbol => instruments.get(symbol), symbols)
  if (config.market !== 'spot')
    throw new UsageError('--config', config.market, 'the laboratory trades spot bots; set market to "spot"')
  const price = decimalOption(context, 'price', 0)?.toNumber() ?? likelyPrice(config)
  return { bot: ownBot(config, [...instruments.values()].map(instrumentRules), price), hash: configHash(document) }
}

async function* jobsOf(plan: Plan, [from, to]: readonly [number, number], seedDone: () => void): AsyncGenerator<SeedJob> {
  for (let seed = from; seed <= to; seed += 1) {
    const request: StoryRequest = { ...plan.request, seed }
    if (!plan.everyAwait) {
      yield { request, killPoint: null }
      continue
    }
    const points = await killPointsOf(storyOf(request))
    for (let killPoint = 1; killPoint <= points; killPoint += 1) yield { request, killPoint }
    seedDone()
  }
}

async function tellBroken(context: VerbContext, plan: Plan, broken: BrokenStory, tally: Tally): Promise<number> {
  const story = storyFor(plan, broken.seed, broken.killPoint)
  return tellOutcome(context, story, await runStory(story), broken.killPoint, tally.stories)
}

async function replayOne(context: VerbContext, plan: Plan, seed: number): Promise<number> {
  if (!plan.everyAwait) {
    const story = storyFor(plan, seed, null)
    return tellOutcome(context, story, await runStory(story), null, 1)
  }
  const points = await killPointsOf(storyFor(plan, seed, null))
  const progress = context.out.progress('crash lab', points)
  for (let point = 1; point <= points; point += 1) {
    const story = storyFor(plan, seed, point)
    const outcome = await runStory(story)
    if (outcome.broken) return tellOutcome(context, story, outcome, point, point)
    progress(point)
    if (context.signal.aborted) return EXIT.cancelled
  }
  context.out.result({ ok: true, seed, points }, () => [
    `clean: seed ${seed} was told ${points} times, dying at each of its points`,
  ])
  return EXIT.ok
}

function storyFor(plan: Plan, seed: number, killPoint: number | null): Story {
  const story = storyOf({ ...plan.request, seed })
  return killPoint === null ? story : { ...story, kills: { kind: 'at', points: [killPoint] } }
}

const SHOWN_LINES = 60

async function tellOutcome(
  context: VerbContext,
  story: Story,
  outcome: Outcome,
  killPoint: number | null,
  stories: number,
): Promise<number> {
  const { broken, hash } = outcome
  if (!broken) {
    context.out.result({ ok: true, seed: story.seed, scenario: story.scenario, hash, steps: outcome.steps }, () => [
      `clean: seed ${story.seed} (${story.scenario}), ${outcome.steps} steps, ${outcome.deals} deals, ${outcome.fills} executions`,
      `story ${hash}`,
    ])
    return EXIT.ok
  }
  context.out.note(`seed ${story.seed} breaks invariant ${broken.invariant}; looking for a shorter story that breaks it too`)
  const small = await shrink(story, outcome)
  const { story: least, outcome: end } = small
  const shown = end.broken ?? broken
  const lines = end.log.lines().slice(-SHOWN_LINES)
  const replay = `evenkeel crash-lab --replay ${story.seed}${repeatOptions(context, killPoint)}`
  const document = {
    ok: false,
    stories,
    seed: story.seed,
    scenario: story.scenario,
    step: broken.step,
    atMs: broken.atMs,
    invariant: broken.invariant,
    name: broken.name,
    message: broken.message,
    killPoint,
    hash,
    replay,
    shrunk: {
      faults: least.faults,
      actions: least.actions,
      kills: least.kills,
      bots: least.bots.map(bot => bot.versions[0]),
      message: shown.message,
      step: shown.step,
      lines,
    },
  }
  context.out.result(document, () => [
    `BROKEN: seed ${story.seed} (${story.scenario}), step ${broken.step}, ${(broken.atMs / 1000).toFixed(3)} s into the story`,
    `invariant ${broken.invariant}, ${broken.name}`,
    `  ${broken.message}`,
    '',
    `What is left of the story after shrinking (${small.tries} tries):`,
    `  faults: ${least.faults.map(each => each.name).join(', ') || 'none'}`,
    `  kills: ${end.kills.map(each => `point ${each.point}, ${each.where}`).join('; ') || 'none'}`,
    ...least.actions.map(each => `  at ${(each.afterMs / 1000).toFixed(0)} s: ${JSON.stringify(each.action)}`),
    `  ${least.bots.length === 1 ? '1 bot' : `${least.bots.length} bots`}, market ${least.market}`,
    '',
    `The last ${lines.length} lines of it (seconds behind the start):`,
    ...lines,
    '',
    `invariant ${shown.invariant}: ${shown.message}`,
    `again: ${replay}`,
  ])
  return EXIT.failed
}

/** The options without which the seed would tell another story. */
function repeatOptions(context: VerbContext, killPoint: number | null): string {
  const kept = ['config', 'price', 'instrument', 'maker-bps', 'taker-bps', 'scenario', 'faults', 'kill'] as const
  const text = kept.flatMap(name => {
    const value = textOption(context, name)
    return value === undefined ? [] : [` --${name} ${/^[\w./:,-]+$/.test(value) ? value : `'${value}'`}`]
  })
  return killPoint === null ? text.join('') : `${text.join('')} (dies at point ${killPoint})`
}

function describeKills(kills: KillMode | undefined): string {
  if (!kills) return 'as each story has them'
  return kills.kind === 'chance' ? `at each point with a chance of ${kills.probability}` : kills.kind
}

function seedRange(context: VerbContext): readonly [number, number] {
  const text = textOption(context, 'seeds') ?? '1..200'
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text)
  const from = Number(match?.[1])
  const to = Number(match?.[2] ?? match?.[1])
  if (!match || from > to || to > MOST_SEED)
    throw new UsageError('--seeds', text, 'write a seed or a range of them, such as 1..2000')
  return [from, to]
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const

function duration(context: VerbContext, name: string): number | undefined {
  const text = textOption(context, name)
  if (text === undefined) return undefined
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text)
  if (!match) throw new UsageError(`--${name}`, text, 'write a time with its unit, such as 90s, 15m or 8h')
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
}
