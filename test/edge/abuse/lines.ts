/** A good client's ways to an edge: streams and changes from an address of its own, over connections of HTTP/1.1 or one of h2. */
import { Agent, request } from 'node:http';
import { connect, constants } from 'node:http2';

export interface Line {
  /** Resolves when the answer has begun; `onEnd` is told if it ever ends. */
  listen(channel: string, onBytes: (bytes: Buffer) => void, onEnd: () => void): Promise<void>;
  /** @returns The status, or 0 when there was no answer. */
  post(channel: string, body: string): Promise<number>;
  close(): void;
}

export function plainLine(url: string, localAddress: string): Line {
  const { hostname, port } = new URL(url);
  const streams = new Agent({ keepAlive: false });
  const changes = new Agent({ keepAlive: true });
  const common = { hostname, port, localAddress };
  return {
    listen: (channel, onBytes, onEnd) =>
      new Promise((resolve, reject) => {
        const asked = { ...common, path: `/c/${channel}/events`, agent: streams };
        const outgoing = request(asked, (response) => {
          if (response.statusCode !== 200) reject(new Error(`a stream was answered ${response.statusCode}`));
          response.on('data', onBytes).on('error', () => {});
          response.once('close', onEnd);
          resolve();
        });
        outgoing.once('error', reject).end();
      }),
    post: (channel, body) =>
      new Promise((resolve) => {
        const asked = { ...common, path: `/c/${channel}`, method: 'POST', agent: changes };
        const outgoing = request(asked, (response) => {
          response.resume();
          resolve(response.statusCode!);
        });
        outgoing.once('error', () => resolve(0));
        outgoing.end(body);
      }),
    close() {
      streams.destroy();
      changes.destroy();
    },
  };
}

export function h2Line(url: string, localAddress: string): Line {
  // An option of sockets, which the types of http2 leave out.
  const from = { localAddress, rejectUnauthorized: false };
  const session = connect(url, from);
  // Its streams and changes tell.
  session.on('error', () => {});
  return {
    listen: (channel, onBytes, onEnd) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': `/c/${channel}/events` });
        stream.once('response', ({ ':status': status }) => {
          if (status !== 200) reject(new Error(`a stream was answered ${status}`));
          resolve();
        });
        stream.on('data', onBytes).once('close', onEnd).on('error', reject);
      }),
    post: (channel, body) =>
      new Promise((resolve) => {
        const stream = session.request({ ':path': `/c/${channel}`, ':method': 'POST' });
        stream.once('response', ({ ':status': status }) => resolve(status!));
        stream.once('close', () => resolve(0)).on('error', () => {});
        stream.resume();
        stream.end(body);
      }),
    close: () => session.destroy(undefined, constants.NGHTTP2_NO_ERROR),
  };
}
