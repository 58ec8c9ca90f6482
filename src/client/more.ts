/**
 * What not every page needs, loaded in one piece when it is: other transports, one stream for all tabs, an outbox that outlives its page,
 * reads that are no stream. Where it cannot be loaded the client goes on without.
 */
export { createAdoption } from './adoption.ts';
export { createEventSourceTransport } from './eventsource-transport.ts';
export { openIndexedDb } from './indexeddb.ts';
export { createPollTransport } from './poll-transport.ts';
export { createReads } from './reads.ts';
export { createShare } from './share.ts';
