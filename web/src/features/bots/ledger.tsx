// The accounts of a bot in the double-entry ledger: where each coin and each unit of money stands.

import type { Bot } from '../../../../src/contract/bots.ts'
import { useRead } from '../../client/queries.ts'
import { Empty, Faces } from '../../ui/faces.tsx'
import { quantity, words } from '../../ui/format.ts'
import { useMore } from '../../ui/more.tsx'
import { Scroll } from '../../ui/scroll.tsx'

const KINDS: Readonly<Record<string, string>> = {
  bot_free: 'Free',
  bot_reserved: 'Set aside for deals',
  bot_margin: 'Margin',
  bot_dust: 'Left over from deals',
  position: 'Held by a deal',
  market: 'Traded on the market',
}

export function LedgerAccounts({ bot }: { bot: Bot }) {
  const { limit, more } = useMore()
  const accounts = useRead('ledgerAccounts', { query: { botId: bot.botId, limit } }, { everyMs: 10_000, keepPrevious: true })
  const trades = useRead('botTrades', { params: { id: bot.botId }, query: { limit: 200 } }, { everyMs: 10_000 })
  const numbers = new Map((trades.data?.items ?? []).map(one => [one.id, one.tradeSeq]))
  return (
    <Faces query={accounts} what="The accounts">
      {({ items, nextCursor }) =>
        items.length === 0 ? (
          <Empty title="No account yet">They are opened when a test starts.</Empty>
        ) : (
          <>
            <Scroll label="Ledger accounts">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Account</th>
                    <th>Deal</th>
                    <th>Currency</th>
                    <th className="r">Balance</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map(row => (
                    <tr key={row.id}>
                      <td title={row.kind}>{KINDS[row.kind] ?? words(row.kind)}</td>
                      <td>{row.tradeId === null ? '' : `#${numbers.get(row.tradeId) ?? row.tradeId.slice(0, 8)}`}</td>
                      <td>{row.currency}</td>
                      <td className="r" title={row.balance}>
                        {quantity(row.balance)}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
            {more(nextCursor)}
          </>
        )
      }
    </Faces>
  )
}
