// The first minute: one button, and a bot that trades.

import { Button, Group } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { call } from '../client/call.ts'
import { refresh, useRead } from '../client/queries.ts'
import { BotsList } from '../features/bots/bots-list.tsx'
import type { DcaConfigInput } from '../features/dca/draft.ts'
import { demoDraft } from '../features/dca/draft.ts'
import { Failed } from '../ui/faces.tsx'
import { Icon } from '../ui/icon.tsx'
import './start-page.css'

const DEMO_SPEED = 60

/** Creates the demo bot and starts it; the name gets a number where there is one already. */
async function startDemo(taken: readonly string[]): Promise<string> {
  const draft = demoDraft()
  const wanted = String(draft['name'])
  let name = wanted
  for (let number = 2; taken.includes(name); number++) name = `${wanted} ${number}`
  const bot = await call('createBot', { body: { config: { ...draft, name } as DcaConfigInput } })
  await call('startPaper', { params: { id: bot.botId }, body: { feed: { kind: 'demo', speed: DEMO_SPEED } } })
  await refresh('listBots')
  return bot.botId
}

export function StartPage() {
  const navigate = useNavigate()
  const bots = useRead('listBots', { query: { limit: 200 } })
  const items = bots.data?.items ?? []
  const start = useMutation({
    mutationFn: () => startDemo(items.map(bot => bot.name)),
    onSuccess: botId => navigate({ to: '/bots/$botId', params: { botId } }),
  })
  return (
    <>
      <section className="hero">
        <div className="heroSay">
          <h1>{items.length === 0 ? 'Watch a bot trade in the next minute' : 'Start another demo bot'}</h1>
          <p>
            It buys Bitcoin on the built-in demo market, buys more when the price falls, and sells with a small profit. A minute
            passes each second, and none of the money is real.
          </p>
          <Group>
            <Button
              size="lg"
              leftSection={<Icon name="play" size={16} />}
              loading={start.isPending}
              onClick={() => start.mutate()}
            >
              Start a demo bot
            </Button>
            <Button size="lg" variant="default" component={Link} to="/bots/new">
              Build my own
            </Button>
          </Group>
          {start.error && <Failed error={start.error} retry={() => start.mutate()} what="The demo bot was not started" />}
        </div>
        <Ladder />
      </section>
      <dl className="terms">
        <div>
          <dt>Test</dt>
          <dd>A run with play money at real rules: fees, price steps and partly filled orders count as on an exchange.</dd>
        </div>
        <div>
          <dt>Deal</dt>
          <dd>One round trip from the first buy until everything is sold; its profit or loss is known when it ends.</dd>
        </div>
        <div>
          <dt>Averaging order</dt>
          <dd>A further buy after a fall (a safety order): it lowers the average price, so a smaller rise is enough.</dd>
        </div>
      </dl>
      {items.length > 0 && (
        <section style={{ marginTop: 32 }}>
          <Group justify="space-between" mb="sm">
            <h2 style={{ margin: 0 }}>Your bots</h2>
            <Link to="/bots" className="quiet">
              All bots
            </Link>
          </Group>
          <BotsList bots={items.slice(0, 3)} />
        </section>
      )}
    </>
  )
}

/** How a deal goes, as a drawing: base order, three averaging orders, the average that sinks, the target above it. */
function Ladder() {
  return (
    <svg
      viewBox="0 0 420 240"
      className="heroArt"
      role="img"
      aria-label="A price falls past four buys and rises to the target, where all is sold"
    >
      <path d="M10 56h400" className="artLine" />
      <path d="M70 96h340M120 130h290M172 170h238" className="artLine" strokeDasharray="3 5" />
      <path
        d="M10 52 30 60 48 50 70 96 88 84 104 104 120 130 140 112 158 136 172 170 190 186 206 166 226 150 244 156 262 132 282 118 300 124 322 96 344 82"
        className="artPrice"
      />
      <path d="M30 60H70V78H120V95H172V122H344" className="artAverage" />
      <path d="M172 84H344" className="artTarget" />
      {[
        [30, 60],
        [70, 96],
        [120, 130],
        [172, 170],
      ].map(([x, y]) => (
        <circle key={x} cx={x} cy={y} r="5" className="artBuy" />
      ))}
      <rect x="338" y="77" width="11" height="11" className="artSell" />
      <text x="356" y="80" className="artText">
        target
      </text>
      <text x="356" y="126" className="artText">
        average
      </text>
      <text x="24" y="82" className="artText">
        base
      </text>
      <text x="180" y="200" className="artText">
        third averaging order
      </text>
    </svg>
  )
}
