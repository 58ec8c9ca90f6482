/**
 * The scripted server: HTTP on a free port, each playing of a case under a path of its own, so that many go on side by side.
 * It does what the case says and nothing else: it has no back-off, no limits and no opinion.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, PlainAnswer, PostAnswer } from './case.ts';
import type { Asked } from './frames.ts';
import { type Exchange, Stage } from './stage.ts';
import { playStream } from './stream.ts';

export interface ScriptedServer extends AsyncDisposable {
  stage(played: Case, cutAfter?: number): { readonly stage: Stage; readonly url: string };
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const stages: Stage[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://localhost');
    const [, key, c, channels = '', events] = url.pathname.split('/');
    const stage = stages[Number(key)];
    const isKnown = stage && c === 'c' && (request.method === 'GET' ? events === 'events' : events === undefined);
    if (!isKnown) return void response.writeHead(404).end();
    // Whoever leaves in the middle of a script is no fault of the server.
    const answered = request.method === 'GET' ? stream : post;
    answered(stage, decodeURIComponent(channels), url.searchParams, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    stage(played, cutAfter) {
      const stage = new Stage(played, cutAfter);
      return { stage, url: `http://127.0.0.1:${port}/${stages.push(stage) - 1}` };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const tokenOf = ({ headers }: IncomingMessage) => headers.authorization?.replace(/^Bearer /, '');
const header = ({ headers }: IncomingMessage, name: string) => headers[name] as string | undefined;

async function stream(
  stage: Stage,
  channels: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const byHeader = header(request, 'last-event-id');
  const byQuery = [...query].find(([name]) => name.toLowerCase() === 'lasteventid')?.[1];
  const exchange: Exchange = {
    kind: 'stream',
    atMs: performance.now(),
    channels,
    cursor: byHeader || byQuery || query.get('since') || null,
    token: tokenOf(request),
    changes: [],
  };
  if (byHeader && !/^[\w-]+\.[0-9a-z]+/.test(byHeader))
    stage.faults.push(`Last-Event-ID is ${byHeader}, no cursor (P13)`);
  const answers = stage.played.server?.streams ?? [[{ sync: { status: 'fresh', id: 'a.0' } }]];
  const answer = answers[Math.min(stage.of('stream').length, answers.length - 1)]!;
  const isFirst = stage.exchanges.push(exchange) && stage.of('stream').length === 1;
  exchange.lastMs = performance.now();
  if (answer === 'cut') return void request.socket.destroy();
  if ('status' in answer) return plain(exchange, answer, response);
  const asked: Asked = {
    channels: channels.split(','),
    withFields: query.get('with')?.split(',').filter(Boolean) ?? [],
    isJoined: query.get('cursors') === 'joined' && channels.includes(','),
  };
  const script = 'steps' in answer ? answer : { steps: answer };
  await playStream({ stage, exchange, asked, response, script, cutAfter: isFirst ? stage.cutAfter : undefined });
}

async function post(
  stage: Stage,
  channel: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const atMs = performance.now();
  const body = await buffer(request);
  const from = query.get('from') ?? header(request, 'change-from') ?? '';
  const seq = Number(query.get('seq') ?? header(request, 'change-seq'));
  const bodies = query.get('batch') === '1' ? linesOf(body) : [body];
  const changes = bodies.map((bytes, i) => ({ seq: seq + i, bytes }));
  const answers = stage.played.server?.posts ?? [];
  const answer: PostAnswer = answers[stage.of('post').length] ?? 204;
  const done = stage.posting(channel, from, changes);
  const exchange: Exchange = { kind: 'post', atMs, channels: channel, cursor: null, token: tokenOf(request), changes };
  stage.exchanges.push(exchange);
  response.on('close', done);
  exchange.lastMs = performance.now();
  if (answer === 'silent') return;
  if (typeof answer === 'object' && answer.waitMs) await sleep(answer.waitMs, undefined, { ref: false });
  exchange.lastMs = performance.now();
  // With the first byte of the answer the client may go on.
  done();
  if (answer === 'cut') return void request.socket.destroy();
  if (answer === 'half') return void request.socket.write('HTTP/1.1 20', () => request.socket.destroy());
  plain(exchange, typeof answer === 'number' ? { status: answer } : answer, response);
}

/** P41, NDJSON: the form that every client may use. */
function linesOf(body: Buffer): Buffer[] {
  const lines = body.toString().split('\n').filter(Boolean);
  return lines.map((line) => Buffer.from(JSON.parse(line) as string));
}

function plain(exchange: Exchange, { status, headers, body, problem }: PlainAnswer, response: ServerResponse): void {
  exchange.lastMs = performance.now();
  const type = problem === undefined ? {} : { 'content-type': 'application/problem+json' };
  const said = problem === undefined ? body : `${JSON.stringify({ code: problem, status, detail: problem })}\n`;
  response.writeHead(status, { ...type, ...headers }).end(said);
}
