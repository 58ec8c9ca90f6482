/** The protocol, kept by four processes that only meet in Redis, where each may do what its role has to: a bucket, a merger and two gateways. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { contractEnv, protocolContract } from '../contract/protocol.ts';
import { waitFor } from '../support/wait.ts';
import { type Fleet, startFleet } from './fleet.ts';

let fleet: Fleet | undefined;
before(async () => {
  fleet = await startFleet({ env: contractEnv, roles: ['bucket', 'merger', 'gateway', 'gateway'], byUsers: true });
});
after(async () => {
  await using ended = fleet;
  for (const role of ['bucket', 'merger', 'gateway']) {
    for (const { output } of ended?.of(role) ?? []) assert.doesNotMatch(output(), /NOPERM|may not run/, role);
  }
});

protocolContract({
  name: 'split roles',
  postUrl: () => fleet!.of('bucket')[0]!.url,
  baseUrl: () => fleet!.of('gateway')[0]!.url,
  otherStreamUrl: () => fleet!.of('gateway')[1]!.url,
});

it('invites to what each role does, and to nothing else', async () => {
  const said = (role: 'bucket' | 'merger' | 'gateway') => fleet!.of(role)[0]!.output();
  await waitFor(() => said('bucket').includes('Send:') && said('gateway').includes('Resume:'), {
    what: 'the invitations',
  });
  assert.doesNotMatch(said('bucket'), /Listen:|Resume:|Or open/);
  assert.doesNotMatch(said('gateway'), /Send:|Or open/);
  assert.doesNotMatch(said('merger'), /Listen:|Send:|Or open/);
});
