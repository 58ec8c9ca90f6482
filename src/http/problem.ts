/**
 * Problems: whatever goes wrong with a request, the answer is one `application/problem+json` (RFC 9457).
 *
 * Invariant: an answer says what the table in `errors.ts` and our own sentences say, never what an unexpected error
 * says, and never what the client sent.
 */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EngineUnavailable, errorTable, Problem } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { ErrorLog } from './error-log.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** What is sent is what it is called, whatever it looks like. */
export const NOSNIFF = { 'x-content-type-options': 'nosniff' } as const;

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
  const document = { type: `urn:smallchange:problem:${code}`, title, status, code, detail: message };
  // A whole line, for who reads it at a prompt.
  return Buffer.from(`${JSON.stringify(document)}\n`);
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

/**
 * The client went away, or stopped, in the middle of its own request: there is nobody to answer and nothing to mend. Only the
 * error of the request itself says so: behind its body nothing is the client's fault, and the change may have been accepted.
 * (`destroyed` is also true of a request that was read to its end.)
 */
function isClientGone(error: Error, { raw }: FastifyRequest): boolean {
  return raw.errored === error;
}

export interface ProblemDeps {
  readonly metrics: Metrics;
  readonly log: ErrorLog;
}

export type ErrorHandler = (error: CodedError, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

export function createErrorHandler({ metrics, log }: ProblemDeps): ErrorHandler {
  return (error, request, reply) => {
    const problem = problemOf(error, log, request);
    metrics.problems.inc({ code: problem.code });
    return sendProblem(request, reply, problem);
  };
}

function problemOf(error: CodedError, log: ErrorLog, request: FastifyRequest): Problem {
  const known = expected(error, log, request) ?? frameworkProblem(error, request);
  if (known !== undefined) return known;
  if (isClientGone(error, request)) return new Problem('bad_request', 'The request was not sent to its end.');
  return unexpected(error, log, request);
}

function expected(error: Error, log: ErrorLog, req?: FastifyRequest): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof EngineUnavailable)) return undefined;
  // At debug: the engine's own connection says once that it is away, which is what an operator needs.
  log.debug({ req, err: error }, 'engine unavailable');
  return new Problem('engine_unavailable', 'Nobody knows whether it was done: send the very same request again.');
}

function unexpected(error: Error, log: ErrorLog, req?: FastifyRequest): Problem {
  log.error(error, req);
  return new Problem('internal', 'It is in the log of this server. The very same request may succeed later.');
}

/** For requests that fastify never saw: the whole answer as text, with `fields` in it, each with its CR LF. */
export function createFailureText({ metrics, log }: ProblemDeps): (error: Error, fields: string) => string {
  return (error, fields) => {
    const problem = expected(error, log) ?? unexpected(error, log);
    metrics.problems.inc({ code: problem.code });
    let more = problem.status === 503 ? `${fields}Retry-After: ${retryAfterS()}\r\n` : fields;
    for (const [name, value] of Object.entries(problem.headers)) more += `${name}: ${value}\r\n`;
    return problemText(problem, more);
  };
}

/** The whole answer, with `fields` in it, each with its CR LF. */
export function problemText(problem: Problem, fields: string, status: number = problem.status): string {
  const body = problemBody(problem, status);
  const head = `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n`;
  const more = 'X-Content-Type-Options: nosniff\r\n';
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}${more}${fields}\r\n${body}`;
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
    .headers(NOSNIFF)
    .send(problemBody(problem));
}

/** 1 to 3 seconds, random, so that those refused together do not come back together. */
export function retryAfterS(): number {
  return 1 + Math.floor(Math.random() * 3);
}
