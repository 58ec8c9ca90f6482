/** The protocol, kept by four processes that only meet in Redis: a bucket, a merger and two gateways. */
import { after, before } from 'node:test';
import { contractEnv, protocolContract } from '../contract/protocol.ts';
import { type Fleet, startFleet } from './fleet.ts';

let fleet: Fleet | undefined;
before(async () => {
  fleet = await startFleet({ env: contractEnv, roles: ['bucket', 'merger', 'gateway', 'gateway'] });
});
after(() => fleet?.[Symbol.asyncDispose]());

protocolContract({
  name: 'split roles',
  postUrl: () => fleet!.of('bucket')[0]!.url,
  baseUrl: () => fleet!.of('gateway')[0]!.url,
  otherStreamUrl: () => fleet!.of('gateway')[1]!.url,
});
