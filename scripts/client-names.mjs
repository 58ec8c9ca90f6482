/**
 * Names that the parts of the client have for each other and for nobody else: the build makes them short. What an app says or is told, what is
 * on the wire, in another tab or stored, and what a browser has, keeps its name: `test/client/bundle.test.ts` looks.
 */
export const INNER_NAMES = `
  accepted adopt adoption againInMs alive aliveMs attempt audience avoid back backoff batchOf bornMs change changed
  createEventSourceTransport createPollTransport createReads createShare each ended entry follow forget forgive frozen
  giveUp handOver hasOther heads hearsHeartbeats hidden intake isAlone isBusy isChanged isCurrent isDurable isHidden
  isOwn isSent isStored isUsed isWaiting keep keeper lagged later leave leaving letGo limits listen look nextMs nonces
  notDurable online opened openHome park pause pick pump query refresh released renew report silent statuses stored
  sync takeBack tell tokens visible waiting wake
`
  .trim()
  .split(/\s+/);
