/** The same over HTTP/2, on one connection. */
import { type ClientHttp2Stream, connect } from 'node:http2';
import type { Ask, Http } from './http1.ts';

export function overHttp2(port: number, ca: Buffer): Http {
  const session = connect(`https://127.0.0.1:${port}`, { ca, minVersion: 'TLSv1.3' });
  // Each of its requests is told by itself.
  session.on('error', () => {});
  const begin = ({ method, path, fields, body }: Ask) =>
    new Promise<ClientHttp2Stream>((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(body.length) };
      const head = { ...fields, ...length, ':method': method, ':path': path };
      const stream = session.request(head, { endStream: body === undefined });
      stream.once('error', reject).once('response', ({ ':status': status }) => {
        if (status! >= 300) reject(new Error(`${status} to ${method} ${path}`));
        else resolve(stream.setEncoding('utf8'));
      });
      if (body !== undefined) stream.end(body);
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
    close: () => session.destroy(),
  };
}
