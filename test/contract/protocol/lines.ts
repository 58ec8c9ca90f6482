/** A reader of streams that are lines: NDJSON and raw. */
import type { IncomingHttpHeaders } from 'node:http';
import { open } from '../../support/wire.ts';

export interface LineReader extends AsyncDisposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Complete lines so far, without their LF. */
  readonly lines: readonly string[];
}

/** Its lines without heartbeats. */
export function textsOf({ lines }: LineReader): string[] {
  return lines.filter((line) => line !== '');
}

export async function openLines(url: string, sent: Readonly<Record<string, string>> = {}): Promise<LineReader> {
  const { origin } = new URL(url);
  const { status, headers, body } = await open(origin, url.slice(origin.length), { headers: { ...sent } });
  const lines: string[] = [];
  let rest = '';
  body.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  });
  body.on('error', () => {});
  return {
    status,
    headers,
    lines,
    async [Symbol.asyncDispose]() {
      body.destroy();
    },
  };
}
