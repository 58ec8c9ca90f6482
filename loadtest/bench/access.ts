/**
 * What tokens cost: POSTs a second with a bearer that is known, and with the cookie of a session, beside the same without any, and memory
 * per idle stream with a token for all and with a token each, beside the same without.
 *
 * Why this is a valid comparison: it is one build, and which side comes first changes with every round; the ratio, and the difference in
 * bytes, are taken within a round, so that a slow minute hits both. POSTs: all sides run all the time and are asked in turn, a second each, by
 * the same generator, with bytes that differ by one field of the header alone, or by the two that a browser sends with a cookie; the token
 * is verified, and the session looked up, once, and found again from then on. Memory: of new processes each time, the slope between two
 * thirds of the streams and all of them, after two full collections; the tokens that are remembered, 10,000 at most, are
 * there by then, and so only what a stream itself keeps is counted.
 *
 * Aims: POSTs/s with a bearer ÷ without at least 0.93, with a cookie 0.97; at most 100 bytes more per stream.
 *
 * npm run bench -- access [--turns 24] [--seconds 1] [--rounds 7] [--streams 18000] [--token 300]
 */
import { bearerOf, pageOf, withTokens } from './bearers.ts';
import { HeldStreams } from './held-streams.ts';
import { heldBytesOf, startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { bucketAloneOf } from './posts-sides.ts';
import { publish, spreadOf, table, written } from './report.ts';
import { type Contestant, inTurn } from './turns.ts';

const defaults = { turns: 24, seconds: 1, rounds: 7, streams: 18_000, token: 300 };
const { turns, rounds, seconds, streams, token: bytes } = numbersOf(defaults);
const first = Math.floor((streams * 2) / 3);
const MAX_STREAMS = '19500';

interface Rate {
  readonly perS: number;
  /** Of a second of the server's CPU. */
  readonly perCpuS: number;
}

function posting(name: string, asked: Parameters<typeof bucketAloneOf>[2] = {}): Contestant<Rate> {
  return {
    name,
    async open() {
      const { measure, stop } = await bucketAloneOf(name, undefined, asked).open('off');
      async function figure(): Promise<Rate> {
        const { perS, serverCpu } = await measure(seconds);
        return { perS, perCpuS: perS / serverCpu };
      }
      return { figure, stop };
    },
  };
}

/** @param authorizations Of the streams, in turn. */
function holding(
  name: string,
  env: Readonly<Record<string, string>> = {},
  authorizations?: readonly string[],
): Contestant {
  return {
    name,
    async open() {
      const server = await startSmallchange({ env: { MAX_STREAMS, ...env } });
      const held = new HeldStreams(server);
      return {
        async figure() {
          await held.open(first, 1, undefined, authorizations);
          const atFirst = await heldBytesOf(server);
          await held.open(streams - first, 1, undefined, authorizations);
          const atLast = await heldBytesOf(server);
          await held.allOpen();
          return (atLast - atFirst) / (streams - first);
        },
        async stop() {
          await held.close();
          await server.stop();
        },
      };
    },
  };
}

/** All POSTs are of one `sub`, at a rate that nobody else has; so are all streams where there is one token for all. */
const unlimited = { MAX_POSTS_PER_S_PER_SUB: '0', MAX_STREAMS_PER_SUB: '0' };

const one = bearerOf('u', bytes);
const each = Array.from({ length: streams }, (_, i) => bearerOf(`u${String(i).padStart(6, '0')}`, bytes));

const posters = [
  posting('anonymous'),
  posting('AUTH=jwt, a bearer that is known', {
    env: { ...withTokens, ...unlimited },
    brings: async () => ({ authorization: one }),
  }),
  posting('AUTH=jwt, the cookie of a session', {
    env: { ...withTokens, ...unlimited },
    brings: ({ port }) => pageOf(port, one),
  }),
];
const holders = [
  holding('anonymous'),
  holding('AUTH=jwt, one token for all', { ...withTokens, ...unlimited }, [one]),
  holding('AUTH=jwt, a token each', { ...withTokens, ...unlimited }, each),
];
const tell = ({ perS, perCpuS }: Rate) => `${perS.toFixed()}, of a CPU second ${perCpuS.toFixed()}`;
const posted = await inTurn('POSTs/s', posters, { rounds: turns, tell });
const held = await inTurn('bytes per stream', holders, { rounds, isAnew: true });

publish(
  'access',
  'What tokens cost',
  [
    `In turn, POSTs ${turns} rounds, memory ${rounds}; median (min–max). Tokens of ${one.length - 'Bearer '.length} bytes, HS256. POSTs: ${seconds} s a round, 64 connections, 1 byte each`,
    `to 1,000 channels, 16 shards, Redis without AOF. Memory: the slope from ${first.toLocaleString('en')} to ${streams.toLocaleString('en')} streams on one channel, in memory.`,
    '',
    table(
      ['POSTs', 'per s', '÷ anonymous, within a round', 'per CPU second', '÷ anonymous'],
      posters.map(({ name }, i) => [
        name,
        ...(['perS', 'perCpuS'] as const).flatMap((of) => [
          written(spreadOf(posted[i]!.map((rate) => rate[of]))),
          written(spreadOf(posted[i]!.map((rate, round) => rate[of] / posted[0]![round]![of])), 3),
        ]),
      ]),
    ),
    '',
    table(
      ['streams', 'bytes each', 'more than anonymous, within a round'],
      holders.map(({ name }, i) => [
        name,
        written(spreadOf(held[i]!)),
        written(spreadOf(held[i]!.map((figure, round) => figure - held[0]![round]!))),
      ]),
    ),
    '',
    'Aims: at least 0.930 with a bearer, 0.970 with a cookie; at most 100 bytes more.',
  ].join('\n'),
);
