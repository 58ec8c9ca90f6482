/**
 * What is between a page and its server and speaks HTTP: it answers 503 or 502 with HTML by itself, sends a POST on once more, now or
 * later, keeps what a stream brings back for a while, asks for events from an older place than the page did, so that they come again, and
 * sends each request to the role that it is for.
 */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { isRepeat, partsOf } from '../../../src/client/position.ts';
import type { Random } from '../../support/random.ts';

export interface Mischief {
  /** Chances, each of a request. */
  readonly unavailable: number;
  readonly badGateway: number;
  readonly repeat: number;
  readonly buffer: number;
  readonly older: number;
}

export interface Targets {
  readonly send: string;
  readonly receive: string;
}

export interface Middle extends AsyncDisposable {
  readonly port: number;
  readonly counts: { unavailable: number; badGateway: number; sentTwice: number; buffered: number; older: number };
  set(mischief?: Partial<Mischief>): void;
}

const NONE: Mischief = { unavailable: 0, badGateway: 0, repeat: 0, buffer: 0, older: 0 };
/** Some come while the first is on its way, some when later changes were answered. */
const REPEAT_MAX_MS = 2_000;
/** Of what a stream brings, so long at a time. */
const BUFFER_MAX_MS = 4_000;
/** So many places from which events of the same channels were asked for last: some of the older ones are from minutes ago. */
const PLACES = 16;
const HTML = '<html><head><title>502 Bad Gateway</title></head><body><hr>a proxy</body></html>';

export async function startMiddle({ send, receive }: Targets, random: Random): Promise<Middle> {
  const counts = { unavailable: 0, badGateway: 0, sentTwice: 0, buffered: 0, older: 0 };
  const agent = new Agent({ keepAlive: true });
  const places = new Map<string, string[]>();
  let mischief = NONE;

  /** As a cache may, or a proxy that takes a stream up again by itself. */
  function fromOlder(url: URL): URL {
    const since = url.searchParams.get('since');
    if (!since?.includes('.')) return url;
    const known = places.get(url.pathname) ?? [];
    places.set(url.pathname, [since, ...known].slice(0, PLACES));
    const now = partsOf(since);
    const older = known.filter((each) => each !== since && partsOf(each).every((part, i) => isRepeat(part, now[i])));
    if (older.length === 0 || !random.chance(mischief.older)) return url;
    counts.older++;
    url.searchParams.set('since', random.pick(older));
    return url;
  }

  function ask({ method, headers, url }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const target = method === 'POST' ? new URL(url!, send) : fromOlder(new URL(url!, receive));
    return new Promise((resolve, reject) => {
      const { 'transfer-encoding': _, ...rest } = headers;
      const length = body.length > 0 ? { 'content-length': body.length } : {};
      const asked = request(target, { method, agent, headers: { ...rest, ...length } }, resolve);
      asked.on('error', reject);
      asked.end(body);
    });
  }

  function repeatLater(incoming: IncomingMessage, body: Buffer): void {
    counts.sentTwice++;
    setTimeout(
      () =>
        void ask(incoming, body).then(
          (reply) => reply.resume(),
          () => undefined,
        ),
      random.chance(0.3) ? 0 : random.int(REPEAT_MAX_MS),
    );
  }

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const isPost = incoming.method === 'POST';
    const body = await buffer(incoming);
    if (random.chance(mischief.unavailable)) {
      counts.unavailable++;
      outgoing.writeHead(503, { 'retry-after': '1' }).end();
      return;
    }
    // Also where the answer is none of the server's, it may have come to it.
    const isBad = random.chance(mischief.badGateway);
    if (isPost && random.chance(mischief.repeat)) repeatLater(incoming, body);
    const reply = isBad && random.chance(0.5) ? undefined : await ask(incoming, body);
    if (isBad || !reply) {
      counts.badGateway++;
      reply?.destroy();
      outgoing.writeHead(502, { 'content-type': 'text/html' }).end(HTML);
      return;
    }
    outgoing.writeHead(reply.statusCode!, reply.headers);
    outgoing.on('close', () => reply.destroy());
    reply.on('error', () => outgoing.destroy());
    reply.on('aborted', () => outgoing.destroy());
    if (isPost || !random.chance(mischief.buffer)) {
      outgoing.flushHeaders();
      reply.pipe(outgoing);
    } else keepBack(reply, outgoing);
  }

  function keepBack(reply: IncomingMessage, outgoing: ServerResponse): void {
    counts.buffered++;
    let kept: Buffer[] = [];
    let timer: NodeJS.Timeout | undefined;
    const pass = () => {
      timer = undefined;
      outgoing.write(Buffer.concat(kept));
      kept = [];
    };
    reply.on('data', (chunk) => {
      kept.push(chunk);
      timer ??= setTimeout(pass, random.int(BUFFER_MAX_MS));
    });
    reply.on('end', () => outgoing.end(Buffer.concat(kept)));
    outgoing.on('close', () => clearTimeout(timer));
  }

  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing).catch(() => outgoing.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    set(next = {}) {
      mischief = { ...NONE, ...next };
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
