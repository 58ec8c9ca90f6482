/**
 * The limits of the settings, each with what is said and counted where it is reached. Nothing of it makes anything for a request that is
 * not refused, and the tables come with the first that is counted.
 */
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { type ErrorCode, Problem } from '../errors.ts';
import type { LimitName } from '../metrics.ts';
import { createAttempts } from './attempts.ts';
import { type Rate, rateOf } from './gcra.ts';
import { KeyHash } from './key-hash.ts';
import type { Limits } from './limits.ts';
import { RateTable } from './rate-table.ts';
import { createSeats } from './seats.ts';
import { SeenNames } from './seen-names.ts';

export type LimitsConfig = Pick<
  Config,
  | 'maxStreams'
  | 'maxStreamsPerSub'
  | 'maxStreamsPerAddress'
  | 'maxPostsPerSPerSub'
  | 'maxPostsPerSPerAddress'
  | 'maxFailedCredentialsPerMin'
  | 'maxNewChannelsPerH'
  | 'maxSessionsPerMinPerSub'
  | 'maxSessionsPerMinPerAddress'
>;

export interface LimitsDeps {
  readonly clock: Clock;
  /** Called once for each request that is refused. */
  readonly onReached: (limit: LimitName) => void;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Those who are refused together do not come back together: up to so many seconds later. */
const SPREAD_S = 3;
/** So that fifty addresses that begin in the same moment have a thousand verified, some 0.2 s of one core, and not fifteen times as many. */
const FAILURES_AT_ONCE = 20;
/** When a stream that another must end for is asked for again. */
const STREAM_RETRY_MS = 5_000;

const codes: Readonly<Record<LimitName, ErrorCode>> = {
  streams_per_sub: 'too_many_streams',
  streams_per_address: 'too_many_streams',
  posts_per_sub: 'too_many_changes',
  posts_per_address: 'too_many_changes',
  failed_credentials: 'too_many_failures',
  new_channels: 'too_many_new_channels',
  sessions_per_sub: 'too_many_sessions',
  sessions_per_address: 'too_many_sessions',
};

export function createLimits(config: LimitsConfig, { clock, onReached }: LimitsDeps): Limits {
  const sentences: Readonly<Record<LimitName, string>> = {
    streams_per_sub: `One sub may have ${config.maxStreamsPerSub} streams and polls that wait here: end one, or come back later.`,
    streams_per_address: `One address may have ${config.maxStreamsPerAddress} streams and polls that wait here: come back later.`,
    posts_per_sub: `One sub may send ${config.maxPostsPerSPerSub} changes a second here: send the same again a little later.`,
    posts_per_address: `One address may send ${config.maxPostsPerSPerAddress} changes a second here: send the same again a little later.`,
    failed_credentials: `Of one address ${config.maxFailedCredentialsPerMin} credentials a minute may be bad: come back later.`,
    new_channels: `One sub may begin ${config.maxNewChannelsPerH} channels an hour here: send the same again later.`,
    sessions_per_sub: `One sub may ask for ${config.maxSessionsPerMinPerSub} sessions and tickets a minute here: come back later.`,
    sessions_per_address: `One address may ask for ${config.maxSessionsPerMinPerAddress} sessions and tickets a minute here: come back later.`,
  };
  const hash = new KeyHash();
  const ofName = new KeyHash();
  let rates: RateTable | null = null;
  let names: SeenNames | null = null;

  function reached(limit: LimitName, waitMs: number): Problem {
    onReached(limit);
    const retryS = Math.ceil(waitMs / SECOND_MS) + Math.floor(Math.random() * SPREAD_S);
    return new Problem(codes[limit], sentences[limit], { 'retry-after': String(retryS) });
  }

  const postsBy = limited('posts_per_sub', config.maxPostsPerSPerSub, SECOND_MS);
  const postsFrom = limited('posts_per_address', config.maxPostsPerSPerAddress, SECOND_MS);
  const failures = limited('failed_credentials', config.maxFailedCredentialsPerMin, MINUTE_MS, FAILURES_AT_ONCE);
  const sessionsBy = limited('sessions_per_sub', config.maxSessionsPerMinPerSub, MINUTE_MS);
  const sessionsFrom = limited('sessions_per_address', config.maxSessionsPerMinPerAddress, MINUTE_MS);
  const channels = limited('new_channels', config.maxNewChannelsPerH, HOUR_MS);

  function taken(of: Limited | null, key: string): Problem | undefined {
    if (of === null) return undefined;
    hash.of(of.kind, key);
    rates ??= new RateTable();
    const waitMs = rates.take(hash, of.rate, clock.elapsedMs());
    return waitMs === 0 ? undefined : reached(of.limit, waitMs);
  }

  function spent(of: Limited | null, key: string): Problem | undefined {
    if (of === null || rates === null) return undefined;
    hash.of(of.kind, key);
    const waitMs = rates.wait(hash, of.rate, clock.elapsedMs());
    return waitMs === 0 ? undefined : reached(of.limit, waitMs);
  }

  function charge(of: Limited | null, key: string, count: number): void {
    if (of === null) return;
    hash.of(of.kind, key);
    rates ??= new RateTable();
    rates.charge(hash, of.rate, count, clock.elapsedMs());
  }

  return {
    postFrom: (address) => (address === '' ? undefined : taken(postsFrom, address)),
    postBy: (sub) => (sub === null ? undefined : taken(postsBy, sub)),
    channelBy(sub, channel) {
      if (sub === null || channels === null) return undefined;
      ofName.of(0, channel);
      names ??= new SeenNames();
      if (names.has(ofName)) return undefined;
      const tooMany = taken(channels, sub);
      if (tooMany === undefined) names.add(ofName);
      return tooMany;
    },
    charge(sub, address, changes) {
      if (sub !== null) charge(postsBy, sub, changes);
      if (address !== '') charge(postsFrom, address, changes);
    },
    sessionFrom: (address) => (address === '' ? undefined : taken(sessionsFrom, address)),
    sessionBy: (sub) => (sub === null ? undefined : taken(sessionsBy, sub)),
    attempts: createAttempts({
      spent: (address) => spent(failures, address),
      failed: (address) => charge(failures, address, 1),
    }),
    seats: createSeats({
      perSub: config.maxStreamsPerSub,
      perAddress: config.maxStreamsPerAddress,
      most: config.maxStreams,
      reached: (limit) => reached(limit, STREAM_RETRY_MS),
    }),
  };
}

/** A limit that is a rate. */
interface Limited {
  readonly limit: LimitName;
  /** Which keys of the table are its own. */
  readonly kind: number;
  readonly rate: Rate;
}

const kinds: readonly LimitName[] = [
  ...(['posts_per_sub', 'posts_per_address', 'failed_credentials', 'new_channels'] as const),
  ...(['sessions_per_sub', 'sessions_per_address'] as const),
];

/** @returns null where it is off. */
function limited(limit: LimitName, count: number, timeMs: number, burst = count): Limited | null {
  if (count === 0) return null;
  return { limit, kind: kinds.indexOf(limit), rate: rateOf(count, timeMs, Math.min(count, burst)) };
}

/** Where nothing is limited. */
export const unlimited: Limits = {
  postFrom: () => undefined,
  postBy: () => undefined,
  channelBy: () => undefined,
  charge: () => undefined,
  sessionFrom: () => undefined,
  sessionBy: () => undefined,
  attempts: { run: (_address, attempt) => attempt() },
  seats: createSeats({
    perSub: 0,
    perAddress: 0,
    most: 0,
    reached() {
      throw new Error('there is no limit');
    },
  }),
};
