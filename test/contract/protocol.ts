/**
 * The protocol in executable form: every MUST of `docs/PROTOCOL.md`, asked of any server that speaks it, over HTTP alone.
 *
 * The servers are the caller's: one process or many, with or without something in front. They have to be started with
 * `contractEnv`, because some promises only show with small limits.
 */
import { describe } from 'node:test';
import { badBatchesTests } from './protocol/bad-batches.ts';
import { badInputTests } from './protocol/bad-input.ts';
import { badQuestionsTests } from './protocol/bad-questions.ts';
import { batchesTests } from './protocol/batches.ts';
import { bytesTests } from './protocol/bytes.ts';
import { clientsTests } from './protocol/clients.ts';
import { conflationTests } from './protocol/conflation.ts';
import { cursorsTests } from './protocol/cursors.ts';
import { dataTests } from './protocol/data.ts';
import { formatsTests } from './protocol/formats.ts';
import { freshTests } from './protocol/fresh.ts';
import { healthTests } from './protocol/health.ts';
import { createKit, type Kit, type ProtocolSubject } from './protocol/kit.ts';
import { pollingTests } from './protocol/polling.ts';
import { publishersTests } from './protocol/publishers.ts';
import { receivingTests } from './protocol/receiving.ts';
import { sendingTests } from './protocol/sending.ts';
import { stateTests } from './protocol/state.ts';
import { wishesTests } from './protocol/wishes.ts';

export { contractEnv, type ProtocolSubject } from './protocol/kit.ts';

type Tests = (kit: Kit) => void;

/** How bytes and headers get there and back: a proxy, and each version of HTTP, may spoil it. */
const ON_THE_WAY: Readonly<Record<string, Tests>> = {
  sending: sendingTests,
  batches: batchesTests,
  'bad batches': badBatchesTests,
  receiving: receivingTests,
  formats: formatsTests,
  polling: pollingTests,
  bytes: bytesTests,
  'bad input': badInputTests,
  'bad questions': badQuestionsTests,
  'health, CORS and connections': healthTests,
  clients: clientsTests,
};

/** What the servers make of what they are asked, and say within the body. */
const AT_THE_SERVER: Readonly<Record<string, Tests>> = {
  publishers: publishersTests,
  wishes: wishesTests,
  data: dataTests,
  cursors: cursorsTests,
  'state and history': stateTests,
  'fresh state': freshTests,
  conflation: conflationTests,
};

/** Of the groups, and of the tests in each: most of the time is spent waiting for time to pass. */
const AT_ONCE = 6;

/** @param how `on the way`: only what may depend on the way to a subject that has met all of it another way. */
export function protocolContract(subject: ProtocolSubject, how: 'all' | 'on the way' = 'all'): void {
  const kit = createKit(subject);
  const groups = how === 'all' ? { ...ON_THE_WAY, ...AT_THE_SERVER } : ON_THE_WAY;
  // No two tests share a channel.
  describe(`protocol: ${subject.name}`, { concurrency: AT_ONCE }, () => {
    for (const [name, tests] of Object.entries(groups)) describe(name, () => tests(kit));
  });
}
