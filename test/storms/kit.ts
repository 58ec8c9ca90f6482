/**
 * What the storms have in common: how large they are, and what is read off the server's process from outside.
 *
 * In `npm test` a storm is small and short. `STORMS=long` gives the numbers that count; `BENCH_NODE` names another Node's
 * binary for the server, because a stream's socket leans on internals of Node.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { request } from '../support/http.ts';
import type { ServerProcess } from '../support/process.ts';

export const isLong = process.env.STORMS === 'long';

// Servers are started with the binary of this process.
if (process.env.BENCH_NODE) process.execPath = process.env.BENCH_NODE;

const PAGE_BYTES = 4096;

/** The value of a metric without labels. */
export async function metric(server: ServerProcess, name: string): Promise<number> {
  const { body } = await request(server.url, '/metrics');
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(body.toString())?.[1];
  if (value === undefined) throw new Error(`there is no metric ${name}`);
  return Number(value);
}

export const openStreams = (server: ServerProcess) => metric(server, 'smallchange_streams');

export function descriptorsOf({ pid }: ServerProcess): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export function residentBytesOf({ pid }: ServerProcess): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
}

export function streamRequest(channel: string): string {
  return `GET /c/${channel}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`;
}
