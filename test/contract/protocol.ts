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
import { healthTests } from './protocol/health.ts';
import { createKit, type ProtocolSubject } from './protocol/kit.ts';
import { pollingTests } from './protocol/polling.ts';
import { publishersTests } from './protocol/publishers.ts';
import { receivingTests } from './protocol/receiving.ts';
import { sendingTests } from './protocol/sending.ts';
import { stateTests } from './protocol/state.ts';
import { wishesTests } from './protocol/wishes.ts';

export { contractEnv, type ProtocolSubject } from './protocol/kit.ts';

export function protocolContract(subject: ProtocolSubject): void {
  const kit = createKit(subject);
  // Most of the time is spent waiting for time to pass, and no two tests share a channel.
  describe(`protocol: ${subject.name}`, { concurrency: true }, () => {
    describe('sending', () => sendingTests(kit));
    describe('batches', () => batchesTests(kit));
    describe('bad batches', () => badBatchesTests(kit));
    describe('publishers', () => publishersTests(kit));
    describe('receiving', () => receivingTests(kit));
    describe('wishes', () => wishesTests(kit));
    describe('data', () => dataTests(kit));
    describe('cursors', () => cursorsTests(kit));
    describe('formats', () => formatsTests(kit));
    describe('polling', () => pollingTests(kit));
    describe('bytes', () => bytesTests(kit));
    describe('bad input', () => badInputTests(kit));
    describe('bad questions', () => badQuestionsTests(kit));
    describe('state and history', () => stateTests(kit));
    describe('health, CORS and connections', () => healthTests(kit));
    describe('conflation', () => conflationTests(kit));
    describe('clients', () => clientsTests(kit));
  });
}
