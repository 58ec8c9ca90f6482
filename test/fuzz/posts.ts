/**
 * A POST has two ways through the server: the shortcut, when it comes in one segment and is plain, and Node's parser with
 * fastify. The same bytes, in one segment and in pieces, have the same status, the same effect and the same lines in the log.
 *
 * An answer may be missing where more came behind its request: the connection may have ended before it, and with it the
 * request. P5 says what that means: nobody knows. Where both were answered, the effect is the same.
 */

import { anonymousAccess } from '../../src/access/anonymous.ts';
import { createRandom } from '../support/random.ts';
import { credentials, openSessions, sites, tokensOnly } from './credentials.ts';
import { type Bench, openBench, type StoreMode } from './post-bench.ts';
import { type Case, makeCase, nothing } from './post-cases.ts';

export interface FuzzResult {
  readonly cases: number;
  /** Of the answers in one segment, first of each connection. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly changes: number;
  readonly logLines: number;
  /** Each says what differed, with the bytes. */
  readonly differences: readonly string[];
}

const GROUP = 256;
/** As many lines of an error as the log has in a second: beyond them it counts. */
const BROKEN_GROUP = 8;
/** Every so many groups have a store that is away, or broken. */
const AWAY_EVERY = 10;
const BROKEN_EVERY = 8;

/** @param withTokens Whether tokens are asked for, and requests have some. */
export async function fuzzPosts(cases: number, seed: number, withTokens = false): Promise<FuzzResult> {
  const random = createRandom(seed).next;
  const statuses: Record<string, number> = {};
  const differences: string[] = [];
  const total = { cases: 0, changes: 0, logLines: 0 };
  const openPair = async (mode: StoreMode): Promise<Pair> => {
    const access = () => (withTokens ? tokensOnly() : anonymousAccess);
    return [await openBench(mode, access()), await openBench(mode, access())];
  };
  const brought = withTokens ? { credentials, sites, cookies: await openSessions() } : nothing;
  const lasting = { takes: await openPair('takes'), away: await openPair('away') };
  for (let group = 0; total.cases < cases; group++) {
    const mode: StoreMode = group % BROKEN_EVERY === 1 ? 'broken' : group % AWAY_EVERY === 2 ? 'away' : 'takes';
    const size = Math.min(mode === 'broken' ? BROKEN_GROUP : GROUP, cases - total.cases);
    const made = Array.from({ length: size }, () => makeCase(random, brought));
    const pair = mode === 'broken' ? await openPair(mode) : lasting[mode];
    const { found, taken, lines, firsts } = await compare(pair, made);
    if (mode === 'broken') await closePair(pair);
    differences.push(...found.map((what) => `${mode}: ${what}`));
    for (const status of firsts) statuses[status] = (statuses[status] ?? 0) + 1;
    total.cases += size;
    total.changes += taken;
    total.logLines += lines;
  }
  await closePair(lasting.takes);
  await closePair(lasting.away);
  return { ...total, statuses, differences };
}

type Pair = readonly [whole: Bench, pieces: Bench];

async function closePair(pair: Pair): Promise<void> {
  for (const bench of pair) await bench.close();
}

async function compare(pair: Pair, made: readonly Case[]) {
  const { answers, changes, lines } = await sendBoth(pair, made);
  const firsts = answers[0].map(firstStatus);
  const found: string[] = [];
  let lost = 0;
  for (const [i, one] of made.entries()) {
    const other = firstStatus(answers[1][i]!);
    if (isLost(one, firsts[i]!, other)) lost++;
    else if (firsts[i] !== other) found.push(told(one, `${firsts[i]} or ${other}`));
  }
  if (changes[0] !== changes[1]) found.push(...(await whoseEffect(pair, made)));
  if (lines[0] !== lines[1] && lost === 0) found.push(`${lines[0]} or ${lines[1]} lines of the log`);
  return { found, firsts, taken: JSON.parse(changes[0]).length as number, lines: lines[0] };
}

/** Which of a group it is whose effect differs: each alone. */
async function whoseEffect(pair: Pair, made: readonly Case[]): Promise<string[]> {
  const found: string[] = [];
  for (const one of made) {
    const { answers, changes } = await sendBoth(pair, [one]);
    const [first, other] = [firstStatus(answers[0][0]!), firstStatus(answers[1][0]!)];
    const sides = [0, 1].map((side) => ({
      statuses: statusesOf(answers[side]![0]!),
      taken: JSON.parse(changes[side]!).length as number,
    }));
    if (sides.some(({ statuses, taken }) => acceptedOf(statuses) > taken)) found.push(told(one, '204 and not taken'));
    if (changes[0] === changes[1] || isLost(one, first, other) || isUnanswered(one, sides)) continue;
    found.push(told(one, changes.join(' or ')));
  }
  return found;
}

async function sendBoth([whole, pieces]: Pair, made: readonly Case[]) {
  const inOne = await whole.send(made.map(({ bytes, isEnded }) => ({ pieces: [bytes], isEnded })));
  const inPieces = await pieces.send(made.map((one) => ({ pieces: piecesOf(one), isEnded: one.isEnded })));
  return {
    answers: [inOne, inPieces],
    changes: [JSON.stringify(whole.taken()), JSON.stringify(pieces.taken())],
    lines: [whole.lines(), pieces.lines()],
  } as const;
}

function isLost({ hasMore }: Case, one: string, other: string): boolean {
  return one === 'none' ? hasMore || other === 'none' : hasMore && other === 'none';
}

interface Side {
  readonly statuses: readonly string[];
  readonly taken: number;
}

/** The connection ended before the answer to some request that was not its first, on one side or on both: nobody knows (P5). */
function isUnanswered({ hasMore }: Case, sides: readonly Side[]): boolean {
  const [one, other] = sides.map(({ statuses }) => statuses.join());
  return hasMore && (one !== other || sides.some(({ statuses, taken }) => acceptedOf(statuses) < taken));
}

const acceptedOf = (statuses: readonly string[]) => statuses.filter((status) => status === '204').length;

const told = ({ bytes }: Case, what: string) => `${what}: ${JSON.stringify(bytes)}`;

function piecesOf({ bytes, cuts }: Case): string[] {
  return [0, ...cuts].map((from, i) => bytes.slice(from, cuts[i] ?? bytes.length)).filter((piece) => piece !== '');
}

/** After a 100 comes the status that counts. */
function statusesOf(answer: string): string[] {
  return [...answer.matchAll(/HTTP\/1\.1 (?!100)(\d{3})/g)].map(([, status]) => status!);
}

function firstStatus(answer: string): string {
  return statusesOf(answer)[0] ?? 'none';
}
