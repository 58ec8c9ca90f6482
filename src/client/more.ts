/**
 * What not every page needs, loaded in one piece when it is (`part.ts`): other transports, one stream for all tabs, an outbox that outlives
 * its page, batches, reads that are no stream. Where it cannot be loaded the client goes on without.
 */
import { batchOf } from './batch.ts';
import { createEventSourceTransport } from './eventsource-transport.ts';
import { openHome } from './home.ts';
import { createPollTransport } from './poll-transport.ts';
import { createReads } from './reads.ts';
import { createShare } from './share.ts';

/** One value, for the names in it are short in what browsers load, and those of a module's exports are not. */
export const more = { batchOf, createEventSourceTransport, createPollTransport, createReads, createShare, openHome };
