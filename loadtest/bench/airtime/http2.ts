/** The same over HTTP/2, on one connection. */
import { type ClientHttp2Stream, connect } from 'node:http2';
import { type Ask, type Http, httpOf, lengthOf } from './http.ts';

export function overHttp2(port: number, ca: Buffer): Http {
  const session = connect(`https://127.0.0.1:${port}`, { ca, minVersion: 'TLSv1.3' });
  // Each of its requests is told by itself.
  session.on('error', () => {});
  const begin = ({ method, path, fields, body }: Ask) =>
    new Promise<ClientHttp2Stream>((resolve, reject) => {
      const head = { ...fields, ...lengthOf(body), ':method': method, ':path': path };
      const stream = session.request(head, { endStream: body === undefined });
      stream.once('error', reject).once('response', ({ ':status': status }) => {
        if (status! >= 300) reject(new Error(`${status} to ${method} ${path}`));
        else resolve(stream.setEncoding('utf8'));
      });
      if (body !== undefined) stream.end(body);
    });
  return httpOf(begin, () => session.destroy());
}
