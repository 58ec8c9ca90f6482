/** The protocol, kept by four processes that only meet in Redis, where each may do what its role has to: a bucket, a merger and two gateways. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { contractEnv, protocolContract } from '../contract/protocol.ts';
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
