/** Its unit test: without a server, a port, or a wait. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { connect } from 'smallchange/client';
import { createFakeServer, type FakeServer, type Refusal } from 'smallchange/testing';
import { createVotes } from './votes.js';

it('counts votes, and says which of its own were not sent', async () => {
  const server: FakeServer = createFakeServer({ reducers: { 'votes-*': 'tally' } });
  const connection = connect(server.url, { ...server.options, name: 'alice' });
  const votes = createVotes(connection, 'votes-x');
  const away: Refusal = { of: 'changes', retryAfter: 30 };
  server.refuse(503, away);
  const sent = votes.vote('yes');
  await server.advance(10_000);
  await server.publish('votes-x', 'no', 'bob');
  assert.equal(votes.text(), '1 votes, 1 to be sent');
  server.accept();
  await server.advance(60_000);
  await sent;
  await server.advance(0);
  assert.equal(votes.text(), '2 votes');
  assert.deepEqual(
    server.events('votes-x').map(({ data }) => data),
    ['no', 'yes'],
  );
  connection.close();
  // @ts-expect-error a status is a number
  server.refuse('503');
});
