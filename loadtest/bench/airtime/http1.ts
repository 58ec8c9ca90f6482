/** Requests over HTTP/1.1 on one connection that is kept, with the fields that Node adds by itself and no others. */
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

export interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What both versions have in common for who asks. */
export interface Http {
  /** Resolves with the whole body. @throws {Error} when the status is none of success. */
  ask(what: Ask): Promise<string>;
  /** Reads on and on. @param onText All that has come so far. Resolves with the head. */
  stream(what: Ask, onText: (text: string) => void): Promise<void>;
  close(): void;
}

export function overHttp1(port: number, ca: Buffer): Http {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'] });
  const begin = ({ method, path, fields, body }: Ask) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const options = { host: 'localhost', port, family: 4, method, path, agent };
      const length = body === undefined ? {} : { 'content-length': String(body.length) };
      const outgoing = request({ ...options, headers: { ...fields, ...length } }, resolve);
      outgoing.once('error', reject);
      outgoing.end(body);
    }).then((answer) => {
      if (answer.statusCode! >= 300) throw new Error(`${answer.statusCode} to ${method} ${path}`);
      return answer.setEncoding('utf8');
    });
  return {
    async ask(what) {
      let text = '';
      for await (const chunk of await begin(what)) text += chunk;
      return text;
    },
    async stream(what, onText) {
      let text = '';
      (await begin(what))
        .on('error', () => {})
        .on('data', (chunk: string) => {
          text += chunk;
          onText(text);
        });
    },
    close: () => agent.destroy(),
  };
}
