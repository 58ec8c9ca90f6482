/** What an answer that is none of the expected ones means: of our server, of a proxy, or of somebody in between. */
import type { Problem } from './contract.ts';
import type { Ending } from './transport.ts';

async function problemOf(response: Response): Promise<Problem | undefined> {
  if (!typeOf(response).startsWith('application/problem+json')) return undefined;
  return (await response.json().catch(() => undefined)) as Problem | undefined;
}

function typeOf(response: Response): string {
  return response.headers.get('content-type') ?? '';
}

/** What `Retry-After` asks for, milliseconds: only its form in seconds, which ours has. */
function retryAfterMs(response: Response): number | undefined {
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
  return seconds >= 0 ? seconds * 1_000 : undefined;
}

/** P5: the same again, a little later. */
function isTemporary(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** @returns Undefined when it is what was asked for. */
export async function refusalOf(response: Response, type: string): Promise<Ending | undefined> {
  return response.status === 200 && typeOf(response).startsWith(type) ? undefined : meaningOf(response);
}

export async function meaningOf(response: Response): Promise<Ending> {
  const { status } = response;
  const problem = await problemOf(response);
  // Whatever else it says is not read: the connection is free again.
  if (!problem) await response.body?.cancel().catch(() => undefined);
  const said = { retryMs: retryAfterMs(response), problem };
  if (status === 401 || status === 403) return { reason: 'unauthorized', ...said };
  if (isTemporary(status)) return { reason: 'refused', ...said };
  return { reason: problem ? 'rejected' : 'not-our-server', ...said };
}
