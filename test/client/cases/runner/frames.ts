/** What the scripted server writes: the frames of the protocol as SSE (P11, P16, P17), in the forms that the standard allows. */
import type { Content, EventStep, Frame, SyncStep, Wire } from './case.ts';

/** So that no case waits for more than its client's own back-off. */
const RETRY_MS = 50;
const HEARTBEAT_MS = 20_000;

export interface Asked {
  readonly channels: readonly string[];
  readonly withFields: readonly string[];
  readonly isJoined: boolean;
}

/** Where a stream is, by channel: what its cursors are made of. */
export type Places = Map<string, string>;

function idOf(asked: Asked, places: Places): string {
  const all = asked.channels.map((channel) => places.get(channel) ?? 'a.0');
  return asked.isJoined ? all.join('~') : all.at(-1)!;
}

function lineOf(frame: { retry?: number | undefined; id?: string | undefined; event?: string; data: string }): string {
  const { data, ...others } = frame;
  const fields = Object.entries(others).filter(([, value]) => value !== undefined);
  const lines = [...fields.map(([name, value]) => `${name}: ${value}`)];
  for (const line of data.split('\n')) lines.push(`data: ${line}`);
  return `${lines.join('\n')}\n\n`;
}

export function syncOf({ sync }: SyncStep, asked: Asked, places: Places): string {
  const { id, retry = RETRY_MS, status, channels, ...others } = sync;
  if (id !== undefined) {
    for (const [i, own] of id.split('~').entries()) places.set(asked.channels[i] ?? '', own);
  }
  const each = Object.fromEntries(asked.channels.map((channel) => [channel, { status, ...others }]));
  const data = JSON.stringify({ status, channels: channels ?? each, heartbeatMs: HEARTBEAT_MS, ...others });
  return lineOf({ retry, id: id && idOf(asked, places), event: '$sync', data });
}

export function frameOf({ frame, data, id, retry }: Frame): string {
  return lineOf({ retry, id, event: frame, data: JSON.stringify(data) });
}

/** With what the client asked for; `seq` counts as the id does. */
export function envelopeOf([id, content, channel]: EventStep['event'], { channels, withFields }: Asked) {
  const known: Record<string, unknown> = { from: 'bob~b9H9a9Ul', seq: Number.parseInt(id.split('.')[1]!, 36), at: 1 };
  const fields = withFields.filter((field) => field in known).map((field) => [field, known[field]]);
  const own = channels.length > 1 ? { channel: channel ?? channels[0]! } : {};
  return { ...own, ...Object.fromEntries(fields), ...(typeof content === 'string' ? { data: content } : content) };
}

export function eventOf(event: EventStep['event'], asked: Asked, places: Places, { lines }: Wire): string {
  const [id, content, channel = asked.channels[0]!] = event;
  places.set(channel, id);
  const at = idOf(asked, places);
  const isPlain = asked.channels.length === 1 && asked.withFields.length === 0;
  if (isPlain && typeof content === 'string') return lineOf({ id: at, data: content });
  const data = JSON.stringify(envelopeOf(event, asked), undefined, lines ? 1 : undefined);
  return lineOf(isPlain ? { id: at, event: '$binary', data } : { id: at, data });
}

export function onTheWire(text: string, { eol = 'lf' }: Wire): Buffer {
  return Buffer.from(text.replaceAll('\n', { lf: '\n', crlf: '\r\n', cr: '\r' }[eol]));
}

export function bytesOf(content: Content): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : Buffer.from(content.b64, 'base64');
}
