// A thread that tells stories: it is handed requests and hands back what they add up to.

import { parentPort } from 'node:worker_threads'
import { runStory, storyOf } from './run-story.ts'
import type { SeedJob } from './spread-seeds.ts'
import { count, emptyTally } from './tally.ts'

const port = parentPort
if (!port) throw new Error('this file is the body of a thread: start it with spread-seeds.ts')

port.on('message', async (job: SeedJob) => {
  const tally = emptyTally()
  const story = storyOf(job.request)
  if (job.killPoint === null) count(tally, story, await runStory(story))
  else {
    const killed = { ...story, kills: { kind: 'at', points: [job.killPoint] } } as const
    count(tally, killed, await runStory(killed), job.killPoint)
  }
  port.postMessage(tally)
})
