/**
 * Tokens that are refused, as lines of the log, for whoever issues them: the reason, and which key and issuer the token names, never
 * more of it. A line for each reason and ten seconds, with how many it stands for.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { ownOf } from './grants.ts';

export interface TokenComplaints {
  refused(reason: string, token: string): void;
}

const EVERY_MS = 10_000;
/** Characters of what a stranger wrote. */
const SHOWN_MAX = 60;

export function createTokenComplaints(log: Pick<Logger, 'info'>, clock: Clock): TokenComplaints {
  const periods = new Map<string, { sinceMs: number; leftOut: number }>();
  return {
    refused(reason, token) {
      const nowMs = clock.elapsedMs();
      const period = periods.get(reason);
      if (period !== undefined && nowMs - period.sinceMs < EVERY_MS) {
        period.leftOut++;
        return;
      }
      // Reasons are few: they are ours.
      periods.set(reason, { sinceMs: nowMs, leftOut: 0 });
      const [header, payload] = token.split('.', 2).map(parsed);
      const named = { kid: shown(header, 'kid'), iss: shown(payload, 'iss') };
      log.info({ reason, ...named, ...(period?.leftOut && { leftOut: period.leftOut }) }, 'a token is refused');
    },
  };
}

function parsed(part: string): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function shown(of: object | undefined, name: string): string | undefined {
  const value = of && ownOf(of, name);
  return typeof value === 'string' ? value.replaceAll(/[^ -~]/g, '?').slice(0, SHOWN_MAX) : undefined;
}
