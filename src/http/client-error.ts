/**
 * What arrived is not a request, or not in time: fastify never sees it, so the problem is written by hand and the connection
 * ends. Where an answer could be taken for that of another request, or where nobody has asked for one, there is none.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from '../errors.ts';
import { linger } from './linger.ts';
import { problemText } from './problem.ts';

/** Request line and header. As much as Node's own limit and that of our edges; cookies of another app on the same host fit in. */
export const MAX_HEADER_BYTES = 16 * 1024;

const refusals: Record<string, readonly [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, `Path and header may have ${MAX_HEADER_BYTES / 1024} KiB together.`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of chunks may have 16 KiB together.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The header arrives within 10 seconds, the body within 15.'],
};
const notHttp = [400, 'The request is not HTTP/1.1.'] as const;

/** @param isSilent Nothing has come: to a browser that connected ahead, a 408 would be the answer to what it asks next. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, isSilent: boolean): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isSilent || isAnswerOwed(socket)) {
    socket.destroy();
    return;
  }
  const [status, detail] = refusals[error.code ?? ''] ?? notHttp;
  endWith(socket, new Problem('bad_request', detail), status);
}

/** CONNECT: Node takes its connection out of HTTP, and gives it to whoever wants it. */
export function refuseConnect(socket: Socket): void {
  if (isAnswerOwed(socket)) socket.destroy();
  else endWith(socket, new Problem('method_not_allowed', 'This is no proxy.'), 405, 'Allow: \r\n');
}

function endWith(socket: Socket, problem: Problem, status: number, fields = ''): void {
  socket.on('error', () => socket.destroy());
  socket.write(problemText(problem, `${fields}Connection: close\r\n`, status));
  linger(socket);
}

/**
 * Whether the request before what arrived is still without its answer, or in the middle of it. This one would seem to be
 * it: a 400 for a change that is being accepted. Without any, its client knows that it does not know (P5).
 */
function isAnswerOwed(socket: Socket): boolean {
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null };
  return answer?.headersSent === true || answer?.req.complete === true;
}
