/**
 * The settings of limits. Each is of one process; 0 switches it off. The defaults are what one may take of a process without the others
 * noticing, and more than people behind one address of a carrier do together: why each is what it is, says docs/limits.md.
 */
import { wholeNumber } from './kinds.ts';
import { MAX_STREAMS_LIMIT } from './machine.ts';
import { networks } from './network-kinds.ts';
import { setting } from './setting.ts';

const RATE_MAX = 1_000_000;

export const limitSettings = {
  trustProxy: {
    ...setting(
      'TRUST_PROXY',
      networks,
      '127.0.0.1',
      'Proxies whose `X-Forwarded-For` is believed: limits by address are of the address that they tell. All other clients are who they are connected as.',
    ),
    default: 'none',
    whenUnset: () => [],
  },
  maxStreamsPerSub: setting(
    'MAX_STREAMS_PER_SUB',
    wholeNumber(0, MAX_STREAMS_LIMIT),
    '100',
    'Streams and waiting polls of one `sub`; above it 429. 0: any.',
  ),
  maxStreamsPerAddress: setting(
    'MAX_STREAMS_PER_ADDRESS',
    wholeNumber(0, MAX_STREAMS_LIMIT),
    '2000',
    'The same of one address, of IPv6 of its /64. 127.0.0.0/8 and `::1` are not counted, by this and the others. 0: any.',
  ),
  maxPostsPerSPerSub: setting(
    'MAX_POSTS_PER_S_PER_SUB',
    wholeNumber(0, RATE_MAX),
    '1000',
    'POSTs and PUTs a second of one `sub`, and so many at once; above it 429. 0: any.',
  ),
  maxPostsPerSPerAddress: setting(
    'MAX_POSTS_PER_S_PER_ADDRESS',
    wholeNumber(0, RATE_MAX),
    '5000',
    'The same of one address. 0: any.',
  ),
  maxFailedCredentialsPerMin: setting(
    'MAX_FAILED_CREDENTIALS_PER_MIN',
    wholeNumber(0, RATE_MAX),
    '300',
    'Bad credentials a minute of one address, 20 at once; then 429 before any is verified, but for those that were verified a moment ago. 0: any.',
  ),
  maxNewChannelsPerH: setting(
    'MAX_NEW_CHANNELS_PER_H',
    wholeNumber(0, RATE_MAX),
    '10000',
    'Channels an hour to which one `sub` is the first to send since this process began; above it 429. 0: any.',
  ),
  maxSessionsPerMinPerSub: setting(
    'MAX_SESSIONS_PER_MIN_PER_SUB',
    wholeNumber(0, RATE_MAX),
    '300',
    'Sessions and tickets a minute that one `sub` asks for, and so many at once; above it 429. 0: any.',
  ),
  maxSessionsPerMinPerAddress: setting(
    'MAX_SESSIONS_PER_MIN_PER_ADDRESS',
    wholeNumber(0, RATE_MAX),
    '3000',
    'The same of one address, those that are ended included. 0: any.',
  ),
};
