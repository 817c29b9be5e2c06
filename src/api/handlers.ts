// Which function answers which route of the contract. The compiler asks for the missing one.

import type { RouteName } from '../contract/routes.ts'
import type { Handlers } from './http.ts'
import type { Gate } from './route-registration.ts'
import * as auth from './routes/auth.ts'
import * as commands from './routes/bot-commands.ts'
import { botStatus } from './routes/bot-status.ts'
import { botTimeline } from './routes/bot-timeline.ts'
import * as bots from './routes/bots.ts'
import { dashboardSummary } from './routes/dashboard.ts'
import * as decisions from './routes/decisions.ts'
import * as funds from './routes/funds.ts'
import { previewLadderRoute } from './routes/ladder.ts'
import * as ledger from './routes/ledger.ts'
import * as market from './routes/market.ts'
import * as orders from './routes/orders.ts'
import * as parity from './routes/parity.ts'
import * as positions from './routes/positions.ts'
import * as runs from './routes/runs.ts'
import * as safety from './routes/safety.ts'
import * as system from './routes/system.ts'
import * as trades from './routes/trades.ts'
import { streamRoute } from './stream/stream-route.ts'

export const HANDLERS: Handlers = {
  health: system.health,
  ready: system.ready,
  openApi: system.openApi,
  stream: streamRoute,

  authState: auth.authState,
  signUp: auth.signUpOwner,
  login: auth.signIn,
  logout: auth.signOut,
  listSessions: auth.listSessions,
  revokeOtherSessions: auth.revokeOtherSessions,
  revokeSession: auth.revokeSession,
  changePassword: auth.changePassword,
  createUser: auth.createUser,
  getMe: auth.getMe,
  changeMe: auth.changeMe,
  listTokens: auth.listTokens,
  createToken: auth.createToken,
  revokeToken: auth.revokeToken,

  createBot: bots.createBot,
  validateBot: bots.validateBot,
  listBots: bots.listBots,
  getBot: bots.getBot,
  replaceBot: bots.replaceBot,
  deleteBot: bots.deleteBot,
  duplicateBot: bots.duplicateBot,
  botVersions: bots.botVersions,
  botStatus,

  startPaper: commands.startPaper,
  startLive: commands.startLive,
  stopBot: commands.stopBot,
  pauseBot: commands.pauseBot,
  resumeBot: commands.resumeBot,
  startDeal: commands.startDeal,
  panicBot: commands.panicBot,
  closeTrade: commands.closeTrade,

  botRuns: runs.botRuns,
  getRun: runs.getRun,
  botMetrics: runs.botMetrics,
  botEquity: runs.botEquity,

  listOrders: orders.listOrders,
  getOrder: orders.getOrder,
  botOrders: orders.botOrders,
  listPositions: positions.listPositions,
  botPositions: positions.botPositions,
  listFunds: funds.listFunds,
  botFunds: funds.botFunds,
  listTrades: trades.listTrades,
  tradeSummary: trades.tradeSummary,
  getTrade: trades.getTrade,
  botTrades: trades.botTrades,
  botParity: parity.botParity,
  tradeParity: parity.tradeParity,

  listHoldings: ledger.listHoldings,
  ledgerAccounts: ledger.ledgerAccounts,
  ledgerTransfers: ledger.ledgerTransfers,

  dashboardSummary,
  botTimeline,
  botDecisions: decisions.botDecisions,
  botLogs: decisions.botLogs,
  listEvents: decisions.listEvents,

  previewLadder: previewLadderRoute,
  listInstruments: market.listInstruments,
  getInstrument: market.getInstrument,
  listCandles: market.listCandles,
  candleCoverage: market.candleCoverage,

  getSafety: safety.getSafety,
  safetyHistory: safety.safetyHistory,
  killSwitch: safety.killSwitch,
  resetSafety: safety.resetSafety,
  setSafetyLimits: safety.setSafetyLimits,
  systemStatus: safety.systemStatus,
}

export const GATES: Partial<Record<RouteName, Gate>> = { startLive: commands.liveGate }

/** Bodies with a bot's config are read with all its rules, by their handlers. */
export const OWN_BODIES: ReadonlySet<RouteName> = new Set(['createBot', 'validateBot', 'replaceBot', 'previewLadder'])
