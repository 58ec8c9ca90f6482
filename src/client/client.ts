/**
 * `smallchange/client`: every change that was published is merged once, every event comes to the callback once and in order, whatever
 * is cut, frozen, reloaded or closed in between. No dependency; browsers, and Node 20 or newer.
 *
 * Where to look: a send is retried in `sender.ts`, and what goes with it is in `batch.ts`; a repeat is dropped in `intake.ts`, as
 * `position.ts` recognizes it; what a stream does when it is cut, silent or refused is in `stream.ts`; what a hidden, frozen or cached
 * page does is in `page.ts` and `connection.ts` (`putAway`, `attempt`); what is written down is in `keeper.ts`, and who sends what a closed
 * tab left in `adoption.ts`; what is loaded beside the rest is in `more.ts`, and what holds while it is not there in `part.ts`.
 */
import { createConnection } from './connection.ts';
import type { Connection } from './contract.ts';
import type { ConnectOptions } from './options.ts';

export type * from './contract.ts';
export { ClientError } from './errors.ts';
export type { ConnectOptions, OutboxLimits } from './options.ts';
export type { OutboxStorage, StoredChange } from './storage.ts';

/** @param url Where the server is, a path in front of `/c/` included; in a page, from its own address. */
export function connect(url: string | URL, options: ConnectOptions = {}): Connection {
  return createConnection(url, options);
}
