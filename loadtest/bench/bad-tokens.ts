/**
 * What others notice while fifty addresses send five thousand bad tokens a second: POST → 204 and POST → SSE of those whose token is good,
 * beside the same without the attack, beside the same attack on another process of this machine, and beside it with the limit switched off.
 *
 * Why this is valid: one process serves all, in memory, so that nothing but what it does for the attacker can be in the way; the good ones send on a
 * schedule, whether or not they were answered, with a token that is known after its first use; the attacker is a process of its own, says with each request
 * from which address it comes, as a proxy would, and at the end what it really sent. It has been under way for two seconds when the others begin: what an
 * attack costs that goes on is measured, not its first moment, in which twenty of each address are verified. The sides run in turn within a round, and the ratios are taken within a round. An attack also takes
 * a part of the machine, its own and that of who answers it, and on two cores everybody waits for that: what it costs those of the same process
 * is the ratio to the same attack on a process beside them. The attacker's CPU is told, as is the server's. A good change without its 204 or its event ends the run,
 * but where the limit is off: there they are counted.
 *
 * npm run bench -- bad-tokens [--rounds 3] [--seconds 10] [--rate 500] [--channels 100] [--bad 5000] [--addresses 50]
 */
import { execFile, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Attack, AttackResult } from './bad-tokens-attacker.ts';
import type { LatencyLoad, LatencyResult } from './latency-client.ts';
import { startSmallchange } from './measured.ts';
import { numbersOf } from './options.ts';
import { publish, spreadOf, table, written } from './report.ts';

const defaults = { rounds: 3, seconds: 10, rate: 500, channels: 100, bad: 5_000, addresses: 50 };
const { rounds, seconds, rate, channels, bad, addresses } = numbersOf(defaults);
const WARM_UP_S = 2;
const SECRET = randomBytes(32).toString('hex');
const client = new URL('latency-client.ts', import.meta.url).pathname;
const attacker = new URL('bad-tokens-attacker.ts', import.meta.url).pathname;

interface Side {
  readonly name: string;
  /** Which process the attacker sends to: this one, or another beside it. */
  readonly attacked: 'this' | 'other' | null;
  /** Whether answers may be missing: that is what it shows. */
  readonly mayLose?: boolean;
  readonly env: Readonly<Record<string, string>>;
}

interface Round extends LatencyResult {
  readonly attack: AttackResult | null;
  readonly serverCpu: number;
}

const sides: readonly Side[] = [
  { name: 'no attack', attacked: null, env: {} },
  { name: 'attack on another process', attacked: 'other', env: {} },
  { name: 'attack', attacked: 'this', env: {} },
  { name: 'attack, without the limit', attacked: 'this', mayLose: true, env: { MAX_FAILED_CREDENTIALS_PER_MIN: '0' } },
];

function goodToken(): string {
  const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const grant = { publish: ['*'], subscribe: ['*'] };
  const claims = { sub: 'alice', exp: Math.floor(Date.now() / 1000) + 3_600, smallchange: grant };
  const input = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64(claims)}`;
  return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
}

/** How long it has been under way when the others begin: until then each address has spent what it may at once. */
const ONSET_MS = 2_000;

/** Resolves when it is under way, with what ends it. */
async function startAttack(attack: Attack): Promise<() => Promise<AttackResult>> {
  const child = spawn(process.execPath, ['--import', 'tsx', attacker, JSON.stringify(attack)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  await once(child.stdout, 'data');
  await sleep(ONSET_MS);
  return async () => {
    child.kill('SIGTERM');
    await once(child, 'close');
    process.off('exit', end);
    return JSON.parse(said.trim().split('\n').at(-1)!) as AttackResult;
  };
}

const settings = {
  ...{ AUTH: 'jwt', JWT_SECRET: SECRET, TRUST_PROXY: '127.0.0.1' },
  ...{ MAX_STREAMS_PER_SUB: '0', MAX_POSTS_PER_S_PER_SUB: '0' },
};

async function measure({ attacked, mayLose = false, env }: Side): Promise<Round> {
  const server = await startSmallchange({ env: { ...settings, ...env } });
  const other = attacked === 'other' ? await startSmallchange({ name: 'other', env: settings }) : null;
  const attack: Attack = { port: (other ?? server).port, addresses, perS: bad };
  const load: LatencyLoad = {
    ...{ postPort: server.port, streamPort: server.port, channels, rate, warmUpS: WARM_UP_S, seconds },
    authorization: `Bearer ${goodToken()}`,
  };
  const endAttack = attacked === null ? null : await startAttack(attack);
  try {
    const [cpuS, startedMs] = [server.cpuS(), performance.now()];
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', client, JSON.stringify(load)]);
    const serverCpu = ((server.cpuS() - cpuS) * 1000) / (performance.now() - startedMs);
    const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as LatencyResult;
    if (result.lost > 0 && !mayLose) throw new Error(`${result.lost} answers or events did not come`);
    return { ...result, serverCpu, attack: endAttack && (await endAttack()) };
  } finally {
    await other?.stop();
    await server.stop();
  }
}

const done = sides.map(() => [] as Round[]);
for (let round = 1; round <= rounds; round++) {
  for (const [i, side] of sides.entries()) {
    const result = await measure(side);
    done[i]!.push(result);
    const attacked = result.attack
      ? `; ${Math.round(result.attack.perS)} bad/s, ${JSON.stringify(result.attack.answers)}`
      : '';
    console.log(
      `round ${round}, ${side.name}: POST p99 ${result.post.p99.toFixed(2)} ms, SSE p99 ${result.sse.p99.toFixed(2)} ms${attacked}`,
    );
  }
}

const [calm, beside] = done as [Round[], Round[]];
const rows = sides.map(({ name }, i) => {
  const of = (value: (round: Round, nth: number) => number, digits = 2) =>
    written(spreadOf(done[i]!.map((round, nth) => value(round, nth))), digits);
  return [
    name,
    of(({ post }) => post.p50),
    of(({ post }) => post.p99),
    of(({ post }, nth) => post.p99 / calm[nth]!.post.p99),
    of(({ post }, nth) => post.p99 / beside[nth]!.post.p99),
    of(({ sse }) => sse.p99),
    of(({ sse }, nth) => sse.p99 / calm[nth]!.sse.p99),
    of(({ sse }, nth) => sse.p99 / beside[nth]!.sse.p99),
    of(({ lost }) => lost, 0),
    of(({ attack }) => attack?.perS ?? 0, 0),
    of(({ serverCpu }) => serverCpu),
    of(({ attack }) => attack?.cpuShare ?? 0),
  ];
});
publish(
  'bad-tokens',
  'Others, while somebody sends bad tokens',
  [
    `${rate} changes/s with good tokens over ${channels} channels, a stream on each, one process in memory; ${bad} bad tokens a second from`,
    `${addresses} addresses; ${rounds} rounds of ${seconds} s in turn; milliseconds, median (min–max) over the rounds.`,
    '',
    table(
      [
        'side',
        'POST p50',
        'p99',
        '÷ no attack',
        '÷ another',
        'SSE p99',
        '÷ no attack',
        '÷ another',
        'lost',
        'bad/s',
        'server CPU',
        'attacker CPU',
      ],
      rows,
    ),
  ].join('\n'),
);
