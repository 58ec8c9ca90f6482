/** What an attack needs to be there: a channel's history full of changes that are dear to tell, or a state with all it may have. */
import { request } from '../support/http.ts';
import { waitFor } from '../support/wait.ts';
import type { Target } from './attack.ts';
import { sendAll } from './sending.ts';
import { DEAR_BYTE, post } from './sockets.ts';

const FILL_MS = 120_000;
/** A page of history, and some: 3 MB of JSON with changes of 1 KiB. */
const HISTORY_EVENTS = 520;
const CHANGE_BYTES = 1024;

/** Offsets are the end of a cursor, in letters and digits. */
const CURSOR_RADIX = 36;

/** Until all of it is merged. */
export async function fillHistory(
  target: Target,
  channel: string,
  { events = HISTORY_EVENTS, bytes = CHANGE_BYTES }: { readonly events?: number; readonly bytes?: number } = {},
): Promise<void> {
  const body = Buffer.alloc(bytes, DEAR_BYTE);
  await fill(target, channel, events, () => body);
  await waitFor(async () => (await headOf(target, channel)) >= events, {
    timeoutMs: FILL_MS,
    everyMs: 50,
    what: `${events} events`,
  });
}

/** Each change sets a field of its own, with `latest` by its publisher and with `tally` by its value. */
export async function fillState(target: Target, channel: string, fields: number): Promise<void> {
  await sendFilling(target, fields, (i) => post(`/c/${channel}?from=f${i}.x`, i.toString(36)));
  // The last of the queue: refused or not, all before it have been merged.
  const seen = async () => !((await metricOf(target, 'smallchange_inbox_entries')) > 0);
  await waitFor(seen, { timeoutMs: FILL_MS, everyMs: 50, what: 'the inbox to be empty' });
}

function fill(target: Target, channel: string, count: number, bodyOf: (i: number) => Buffer): Promise<void> {
  return sendFilling(target, count, (i) => post(`/c/${channel}`, bodyOf(i)));
}

async function sendFilling(target: Target, count: number, of: (i: number) => Buffer): Promise<void> {
  const sending = { url: target.bucketUrl, count, connections: 32, timeoutMs: FILL_MS, insists: true };
  const answers = await sendAll({ ...sending, request: of });
  if (answers.of(204) !== count) throw new Error(`filling was answered ${answers}, not ${count} × 204`);
}

/** The newest offset of a channel, 0 when it has none. */
export async function headOf({ gatewayUrl }: Target, channel: string): Promise<number> {
  // A poll without a cursor only tells where now is.
  const answer = await request(gatewayUrl, `/c/${channel}/events?format=json`);
  if (answer.status !== 200) return 0;
  return Number.parseInt(/\.([0-9a-z]+)$/.exec(answer.json<{ cursor: string }>().cursor)?.[1] ?? '0', CURSOR_RADIX);
}

/** The sum over all labels; NaN where there is no such metric. */
export async function metricOf({ bucketUrl }: Target, name: string): Promise<number> {
  const text = (await request(bucketUrl, '/metrics')).body.toString();
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))];
  if (values.length === 0) return Number.NaN;
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

/** More fields than a state of the default size holds, whatever a field of a few letters is counted as. */
export const FIELDS_AT_CAP = { small: 12_000, full: 210_000 } as const;
