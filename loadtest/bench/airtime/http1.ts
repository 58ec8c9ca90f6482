/** Requests over HTTP/1.1 on one connection that is kept, with the fields that Node adds by itself and no others. */
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { type Ask, type Http, httpOf, lengthOf } from './http.ts';

export function overHttp1(port: number, ca: Buffer): Http {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'] });
  const begin = ({ method, path, fields, body }: Ask) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const options = { host: 'localhost', port, family: 4, method, path, agent };
      const outgoing = request({ ...options, headers: { ...fields, ...lengthOf(body) } }, resolve);
      outgoing.once('error', reject);
      outgoing.end(body);
    }).then((answer) => {
      if (answer.statusCode! >= 300) throw new Error(`${answer.statusCode} to ${method} ${path}`);
      return answer.setEncoding('utf8');
    });
  return httpOf(begin, () => agent.destroy());
}
