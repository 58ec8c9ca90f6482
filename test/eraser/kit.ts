/** What tests of erasing work with: somebody who sends much, others who do too, and whether any byte of the first is left. */
import assert from 'node:assert/strict';
import { ADMIN_KEY } from '../support/revoking.ts';
import { waitFor } from '../support/wait.ts';

export { ADMIN_KEY };

/** In every change of whoever is to be erased, and in no other. */
export const SECRET = 'zq9x-what-alice-said';

export interface Shown {
  readonly id: string;
  readonly from?: string;
  readonly data?: string;
  readonly erased?: boolean;
  readonly at: number;
}

export interface Counted {
  readonly name: string;
  readonly events: number;
  readonly channels: number;
  readonly fields: number;
}

export function askToErase(url: string, wish: unknown, authorization = `Bearer ${ADMIN_KEY}`): Promise<Response> {
  const body = typeof wish === 'string' ? wish : JSON.stringify(wish);
  return fetch(`${url}/admin/erase`, { method: 'POST', body, headers: { authorization } });
}

export async function erase(url: string, name: string): Promise<Counted> {
  const answer = await askToErase(url, { name });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Counted;
}

const BATCH = 100;

/** In batches, from this seq on. */
export async function send(
  url: string,
  channel: string,
  from: string,
  texts: readonly string[],
  seq = 1,
): Promise<void> {
  for (let i = 0; i < texts.length; i += BATCH) {
    const body = texts
      .slice(i, i + BATCH)
      .map((text) => `${JSON.stringify(text)}\n`)
      .join('');
    const answer = await fetch(`${url}/c/${channel}?batch=1&from=${from}&seq=${seq + i}`, { method: 'POST', body });
    assert.equal(answer.status, 204, await answer.text());
  }
}

export function secrets(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${SECRET} ${i}`);
}

/** All that can be asked for, page by page. */
export async function historyOf(url: string, channel: string): Promise<Shown[]> {
  const all: Shown[] = [];
  for (let since = 'earliest'; ; ) {
    const answer = await fetch(`${url}/c/${channel}/history?since=${since}`);
    assert.equal(answer.status, 200);
    const { events, cursor, more } = (await answer.json()) as { events: Shown[]; cursor: string; more: boolean };
    all.push(...events);
    if (!more) return all;
    since = cursor;
  }
}

export async function merged(url: string, channel: string, count: number): Promise<Shown[]> {
  let seen: Shown[] = [];
  await waitFor(
    async () => {
      seen = await historyOf(url, channel);
      return seen.length >= count;
    },
    { what: () => `${count} events of ${channel}, of which there are ${seen.length}` },
  );
  return seen;
}

export async function stateOf(url: string, channel: string, since?: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/c/${channel}/state${since === undefined ? '' : `?since=${since}`}`);
  return (await answer.json()) as Record<string, unknown>;
}

/** Their numbers: each event's is one more than that of the one before (P39). */
export function numbersOf(shown: readonly Pick<Shown, 'id'>[]): number[] {
  return shown.map(({ id }) => Number.parseInt(id.slice(id.lastIndexOf('.') + 1), 36));
}

export function assertContiguous(shown: readonly Pick<Shown, 'id'>[]): void {
  const numbers = numbersOf(shown);
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => numbers[0]! + i),
  );
}

export function assertNowhere(where: string, bytes: Uint8Array, text = SECRET): void {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(text);
  assert.equal(at, -1, `${text} in ${where} at ${at}`);
}
