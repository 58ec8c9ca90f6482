/** What of an abuse has come through to a server, by the server's own metrics. */
import { request } from '../../support/http.ts';

export interface Reached {
  /** Requests that were answered with a problem, and streams that were opened, whether they are still there or not. */
  readonly requests: number;
  /** Changes. */
  readonly accepted: number;
}

export async function reachedOf(serverUrl: string): Promise<Reached> {
  const text = (await request(serverUrl, '/metrics')).body.toString();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^smallchange_${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return {
    requests: sum('problems_total') + sum('streams') + sum('streams_ended_total'),
    accepted: sum('changes_accepted_total'),
  };
}
