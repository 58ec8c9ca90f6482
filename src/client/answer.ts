/** What an answer that is none of the expected ones means: of our server, of a proxy, or of somebody in between. */
import type { Problem } from './contract.ts';
import type { Ending } from './transport.ts';

function isOf({ headers }: Response, type: string): boolean {
  return !!headers.get('content-type')?.startsWith(type);
}

async function problemOf(response: Response): Promise<Problem | undefined> {
  if (!isOf(response, 'application/problem+json')) return undefined;
  return (await response.json().catch(() => undefined)) as Problem | undefined;
}

/** P5: the same again, a little later. */
function isTemporary(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** @returns Undefined when it is what was asked for. */
export async function refusalOf(response: Response, type: string): Promise<Ending | undefined> {
  return response.status === 200 && isOf(response, type) ? undefined : meaningOf(response);
}

export async function meaningOf(response: Response): Promise<Ending> {
  const { status, headers } = response;
  const problem = await problemOf(response);
  // Whatever else it says is not read: the connection is free again.
  if (!problem) await response.body?.cancel().catch(() => undefined);
  // Only its form in seconds, which ours has: a date is no number.
  const said = { retryMs: Number(headers.get('retry-after')) * 1_000 || undefined, problem };
  if (status === 401 || status === 403) return { reason: 'unauthorized', ...said };
  if (isTemporary(status)) return { reason: 'refused', ...said };
  return { reason: problem ? 'rejected' : 'not-our-server', ...said };
}
