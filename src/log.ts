/**
 * The log: JSON lines on stdout, or coloured ones when stdout is a terminal.
 *
 * Invariant: bodies never come here, and what a client chose (its path) is always a field of its own, cut and encoded,
 * so that no client can forge a line or make one long.
 */
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { build as pretty } from 'pino-pretty';
import type { Config } from './config.ts';

export type { Logger };

/** Longer than any path of ours with a 64-character channel; the rest is a stranger's. */
const PATH_MAX_CHARACTERS = 120;

interface LoggedRequest {
  readonly method?: string;
  readonly url?: string;
}

/** Without the query (a ticket may be in it) and without headers. */
function requestFields(request: LoggedRequest): Record<string, unknown> {
  const path = (request.url ?? '').split('?', 1)[0]!;
  return { method: request.method, path: path.replaceAll(/[^!-~]/g, '?').slice(0, PATH_MAX_CHARACTERS) };
}

/** @param out Where to, instead of stdout; always JSON. */
export function createLogger(config: Pick<Config, 'logLevel'>, out?: DestinationStream): Logger {
  return pino(
    {
      level: config.logLevel,
      base: null,
      // Named levels and dates that people can read too; every log store parses both.
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: {
        req: requestFields,
        res: (reply: { readonly statusCode?: number }) => ({ status: reply.statusCode }),
        err: stdSerializers.err,
      },
    },
    out ?? (process.stdout.isTTY ? pretty({ translateTime: 'SYS:HH:MM:ss.l' }) : process.stdout),
  );
}
