/** A reader of streams that are lines: NDJSON and raw. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

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

const noReuse = new Agent({ keepAlive: false });

export function openLines(url: string, headers: Readonly<Record<string, string>> = {}): Promise<LineReader> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers, agent: noReuse }, (response) => {
      const lines: string[] = [];
      let rest = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop()!;
        lines.push(...parts);
      });
      response.on('error', () => {});
      resolve({
        status: response.statusCode!,
        headers: response.headers,
        lines,
        async [Symbol.asyncDispose]() {
          response.destroy();
        },
      });
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}
