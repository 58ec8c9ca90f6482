/**
 * Problems: whatever goes wrong with a request, the answer is one `application/problem+json` (RFC 9457).
 *
 * Invariant: an answer says what the table in `errors.ts` and our own sentences say, never what an unexpected error
 * says, and never what the client sent.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { EngineUnavailable, errorTable, Problem } from '../errors.ts';
import type { Metrics } from '../metrics.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** The schema that routes refer to as `problem#`; documentation only. */
export const problemSchema = {
  $id: 'problem',
  type: 'object',
  properties: {
    type: { type: 'string', description: 'A name for this kind of problem' },
    title: { type: 'string', description: 'The same for every occurrence' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'The same in short, for programs' },
    detail: { type: 'string', description: 'What would be right' },
  },
} as const;

export function problemBody(problem: Problem, status: number = problem.status): Buffer {
  const { code, message } = problem;
  const { title } = errorTable[code];
  return Buffer.from(JSON.stringify({ type: `urn:smallchange:problem:${code}`, title, status, code, detail: message }));
}

type CodedError = Error & { readonly code?: unknown };

/** What fastify's own errors mean here. Those that cannot happen with our set-up are left to `internal`. */
function frameworkProblem(error: CodedError, request: FastifyRequest): Problem | undefined {
  switch (error.code) {
    case 'FST_ERR_BAD_URL':
      return new Problem(
        'bad_request',
        'In the path, % is followed by two hexadecimal digits, and they make up UTF-8.',
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('change_too_large', `The body may have at most ${request.routeOptions.bodyLimit} bytes here.`);
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Problem('bad_request', 'The body has as many bytes as Content-Length says.');
    default:
      return undefined;
  }
}

/** The client went away, or stopped, in the middle of its own request: there is nobody to answer and nothing to mend. */
function isClientGone(error: CodedError, request: FastifyRequest): boolean {
  return error.code === 'ECONNRESET' || request.raw.destroyed;
}

export type ErrorHandler = (error: CodedError, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

export function createErrorHandler({ metrics }: { readonly metrics: Metrics }): ErrorHandler {
  return (error, request, reply) => {
    const problem = problemOf(error, request);
    metrics.problems.inc({ code: problem.code });
    return sendProblem(request, reply, problem);
  };
}

type ProblemLog = Pick<FastifyBaseLogger, 'debug' | 'error'>;

function problemOf(error: CodedError, request: FastifyRequest): Problem {
  const known = expected(error, request.log, request) ?? frameworkProblem(error, request);
  if (known !== undefined) return known;
  if (isClientGone(error, request)) return new Problem('bad_request', 'The request was not sent to its end.');
  return unexpected(error, request.log, request);
}

function expected(error: Error, log: ProblemLog, req?: FastifyRequest): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof EngineUnavailable)) return undefined;
  // At debug: the engine's own connection says once that it is away, which is what an operator needs.
  log.debug({ req, err: error }, 'engine unavailable');
  return new Problem('engine_unavailable', 'Nobody knows whether it was done: send the very same request again.');
}

function unexpected(error: Error, log: ProblemLog, req?: FastifyRequest): Problem {
  log.error({ req, err: error }, 'a request met an unexpected error');
  return new Problem('internal', 'It is in the log of this server. The very same request may succeed later.');
}

export interface FailureDeps {
  readonly metrics: Metrics;
  readonly log: ProblemLog;
}

/** For requests that fastify never saw: the whole answer as text, with `fields` in it, each with its CR LF. */
export function createFailureText({ metrics, log }: FailureDeps): (error: Error, fields: string) => string {
  return (error, fields) => {
    const problem = expected(error, log) ?? unexpected(error, log);
    metrics.problems.inc({ code: problem.code });
    return problemText(problem, problem.status === 503 ? `${fields}Retry-After: ${retryAfterS()}\r\n` : fields);
  };
}

function problemText(problem: Problem, fields: string, status: number = problem.status): string {
  const body = problemBody(problem, status);
  const head = `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n`;
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}${fields}\r\n${body}`;
}

/** A body larger than this is not read to its end to keep its connection: the connection is closed instead. */
const DRAIN_MAX_BYTES = 1024 * 1024;

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  // Fastify closes the connection of a body it refused. A client still writing would then meet a reset, which can take
  // the answer with it; so a body of known and modest length is read away by the HTTP layer, and the connection lives.
  const declaredBytes = Number(request.headers['content-length']);
  if (declaredBytes <= DRAIN_MAX_BYTES && reply.hasHeader('connection')) reply.removeHeader('connection');
  if (problem.status === 503) reply.header('retry-after', retryAfterS());
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', PROBLEM_TYPE)
    .header('cache-control', 'no-store')
    .send(problemBody(problem));
}

/** 1 to 3 seconds, random, so that those refused together do not come back together. */
export function retryAfterS(): number {
  return 1 + Math.floor(Math.random() * 3);
}

const clientErrors: Record<string, readonly [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'Path and header may have 8 KiB together.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The header arrives within 10 seconds, the body within 15.'],
};
const notHttp = [400, 'The request is not HTTP/1.1.'] as const;

/** For how long a connection that is given up waits for its peer to read the answer and close. */
const LINGER_MS = 1_000;

/** What arrived is not a request at all: fastify never sees it, so the answer is written by hand and the connection ends. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswerOwed(socket)) {
    socket.destroy();
    return;
  }
  const [status, detail] = clientErrors[error.code ?? ''] ?? notHttp;
  socket.end(problemText(new Problem('bad_request', detail), 'Connection: close\r\n', status));
  // Not at once: a reset for what is still unread could overtake the answer. Not never: the peer need not close.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/**
 * Whether the request before what arrived is still without its answer, or in the middle of it. This one would seem to be
 * it: a 400 for a change that is being accepted. Without any, its client knows that it does not know (P5).
 */
function isAnswerOwed(socket: Socket): boolean {
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null };
  return answer?.headersSent === true || answer?.req.complete === true;
}
