/** Changes whenever the same inputs may give other trades: stored with every run, so that results are only compared within one. */
export const ENGINE_VERSION = '1'
