/** A trace context goes with its change through all roles, and into the log of each. */
import { describe, it } from 'node:test';
import { isNamed } from '../contract/protocol/kit.ts';
import { request } from '../support/http.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { startFleet } from './fleet.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('traceparent', () => {
  it('is in the logs of bucket, merger and gateway; what is none is as if it were not there', async () => {
    const roles = ['bucket', 'merger', 'gateway'] as const;
    await using fleet = await startFleet({ roles, env: { LOG_LEVEL: 'debug' } });
    const [bucket, , gateway] = roles.map((role) => fleet.of(role)[0]!);
    await using reader = await openSse(`${gateway!.url}/c/room/events`);
    await reader.next(isNamed('$sync'));
    const post = (traceparent: string) =>
      request(bucket!.url, '/c/room', { method: 'POST', body: 'x', headers: { traceparent } });
    await post('00-00000000000000000000000000000000-00f067aa0ba902b7-01');
    await post(TRACE);
    for (const [role, msg] of [
      ['bucket', 'change accepted'],
      ['merger', 'event made'],
      ['gateway', 'event passed on'],
    ] as const) {
      const said = () => fleet.of(role)[0]!.logged.filter((line) => line.msg === msg);
      await waitFor(() => said().some(({ trace }) => trace === TRACE), { what: `${msg} in the log of the ${role}` });
      await waitFor(() => said().length === 1, { what: `${msg} for the one that has a trace only` });
    }
  });
});
