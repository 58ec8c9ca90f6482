/** Answers of the fake server that are no stream: problems (P1), state and history (P24, P25). */
import type { Log, Place } from './log.ts';

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = `${JSON.stringify({ type: 'about:blank', status, code, title: code, detail: code })}\n`;
  return new Response(body, { status, headers: { 'content-type': 'application/problem+json', ...headers } });
}

const json = (body: object): Response =>
  new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });

export function history(log: Log, place: Place, limit: number): Response {
  const events = log.events.slice(place.offset, place.offset + limit);
  const end = place.offset + events.length;
  return json({ cursor: log.cursor(end), status: place.status, events, more: end < log.head });
}

export const state = (log: Log): Response => json({ complete: true, ...log.state() });
