/** What publishers and readers do, or have to see, once Redis has been given back less than it had. */

import { request } from '../../support/http.ts';
import { waitFor } from '../../support/wait.ts';
import type { Reader } from '../clients/reader.ts';
import type { Line, Recorder } from '../history.ts';
import type { Lab } from '../lab.ts';
import { buildModel } from '../model.ts';

/** From the loss until every stream was told. */
export const RESET_MAX_MS = 10_000;

/**
 * Sends every change with a seq that was answered in the time that is lost once more, in its order, as a publisher does
 * that remembers. What had survived is dropped by its seq.
 */
export async function resend(
  { sendUrl }: Pick<Lab, 'sendUrl'>,
  recorder: Recorder,
  loss: { readonly since: number; readonly until: number },
): Promise<number> {
  const lost = [...buildModel(recorder.lines).changes.values()].filter(
    ({ seq, lastOkAt = 0 }) => seq > 0 && lastOkAt >= loss.since && lastOkAt <= loss.until,
  );
  for (const { channel, from, seq, body } of lost) {
    for (;;) {
      const id = recorder.nextId();
      recorder.add({ t: 'send', id, channel, from, seq, body });
      const path = `/c/${channel}?from=${from}&seq=${seq}`;
      const answer = await request(sendUrl, path, { method: 'POST', body: Buffer.from(body, 'base64') }).catch(
        () => null,
      );
      const status = answer?.status ?? 0;
      const outcome = status === 204 ? 'ok' : 'unknown';
      recorder.add({ t: 'sent', id, outcome, status });
      if (outcome === 'ok') break;
    }
  }
  return lost.length;
}

/**
 * Waits for every reader to be told, with one of these; who is not in time is a failure. Who was given nothing that was lost may be
 * told `resumed`: it goes on in another epoch.
 *
 * @returns How long it took those who were, milliseconds.
 */
export async function awaitTold(
  { lines }: Recorder,
  since: number,
  readers: readonly Reader[],
  statuses: readonly ('reset' | 'resumed')[],
  failures: string[],
): Promise<number[]> {
  const told = () => toldTimes(lines, since, readers, statuses);
  await waitFor(() => told().without.length === 0, {
    timeoutMs: RESET_MAX_MS,
    what: () => `${statuses.join(' or ')} of ${told().without.join()}`,
  }).catch((error: Error) => failures.push(error.message));
  return told().ms;
}

/** When each reader was first told one of these after a moment, and who was not. */
function toldTimes(lines: readonly Line[], since: number, readers: readonly Reader[], statuses: readonly string[]) {
  const told = new Map<string, number>();
  for (const line of lines) {
    if (line.t !== 'told' || line.at < since || told.has(line.reader)) continue;
    if (statuses.includes((line.data as { status?: string }).status ?? '')) told.set(line.reader, line.at - since);
  }
  return { ms: [...told.values()], without: readers.flatMap(({ name }) => (told.has(name) ? [] : [name])) };
}
