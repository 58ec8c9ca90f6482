/**
 * What not every page needs, loaded in one piece when it is (`part.ts`): other transports, one stream for all tabs, an outbox that outlives
 * its page, batches, reads that are no stream. Where it cannot be loaded the client goes on without.
 */
export { batchOf } from './batch.ts';
export { createEventSourceTransport } from './eventsource-transport.ts';
export { openHome } from './home.ts';
export { createPollTransport } from './poll-transport.ts';
export { createReads } from './reads.ts';
export { createShare } from './share.ts';
