/** The exchange account that every story is about. */
export const ACCOUNT_ID = 'lab_account'
