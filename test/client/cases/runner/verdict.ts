/** Whether what was seen is what the case wants: `soon` as long as it may still become that. Throws when it cannot any more. */
import { deepEqual } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Case, Content, Heard, SeenPost, SeenStream } from './case.ts';
import { bytesOf } from './frames.ts';
import type { Exchange, Stage, Told } from './stage.ts';

/** Timers fire a little early, and of two processes each has its clock's grain. */
const GRAIN_MS = 25;

export type Verdict = 'seen' | 'soon';

export function verdictOn(stage: Stage): Verdict {
  const { sees } = stage.played;
  if (stage.faults.length > 0) throw new Error(stage.faults[0]);
  const verdicts: Verdict[] = [];
  const want = (what: string, seen: readonly unknown[], wanted: readonly unknown[] | undefined) => {
    if (wanted !== undefined) verdicts.push(compare(what, seen, wanted));
  };
  const channel = channelOf(stage.played);
  want(
    'what is heard',
    stage.heard.map(heardOf),
    sees.hears?.map((each) => wantedOf(each, channel)),
  );
  const streams = stage.of('stream');
  want(
    'streams',
    streams.map((each, i) => streamOf(each, streams[i - 1], sees.streams?.[i])),
    sees.streams,
  );
  const posts = stage.of('post');
  want(
    'POSTs',
    posts.map((each, i) => postOf(each, posts[i - 1], sees.posts?.[i])),
    sees.posts?.map(plainly),
  );
  want('what was accepted', resultsOf(stage, 'published'), sees.accepted?.map(textOf));
  want(
    'what was refused',
    resultsOf(stage, 'refused'),
    sees.refused?.map(([data, code]) => [textOf(data), code]),
  );
  if (sees.changes) verdicts.push(changes(posts, sees.changes));
  if (sees.calm && streams.length > sees.calm.streams)
    throw new Error(`${streams.length} streams in ${sees.calm.inMs} ms`);
  return verdicts.every((each) => each === 'seen') ? 'seen' : 'soon';
}

function compare(what: string, seen: readonly unknown[], wanted: readonly unknown[]): Verdict {
  const isSoFar = seen.length <= wanted.length && isDeepStrictEqual(seen, wanted.slice(0, seen.length));
  if (!isSoFar) deepEqual(seen, wanted, what);
  return seen.length === wanted.length ? 'seen' : 'soon';
}

const textOf = (content: Content) => bytesOf(content).toString('latin1');
const channelOf = ({ client }: Case) =>
  client.flatMap((step) => (typeof step === 'object' && 'subscribe' in step ? step.subscribe : []))[0];

function heardOf({ told, channel, data, b64, lost, state }: Told): unknown {
  if (told === 'event') return { on: channel, data: textOf(data ?? { b64: b64! }) };
  return { on: channel, reset: lost, ...(state && Object.keys(state).length > 0 && { state }) };
}

function wantedOf(heard: Heard, channel = 'demo'): unknown {
  if (typeof heard === 'string' || 'b64' in heard) return { on: channel, data: textOf(heard) };
  if ('reset' in heard) return { on: channel, ...heard };
  return { on: heard.on, data: textOf(heard.data) };
}

function waited(each: Exchange, last: Exchange | undefined, least: number | undefined): object {
  if (least === undefined) return {};
  const waitedMs = each.atMs - (last?.lastMs ?? each.atMs);
  return { notBeforeMs: waitedMs >= least - GRAIN_MS ? least : Math.round(waitedMs) };
}

/** Of what is wanted, what there was. */
function streamOf(each: Exchange, last: Exchange | undefined, wanted: SeenStream = {}): SeenStream {
  const { cursor, channels, token } = each;
  const all = { cursor, channels, token };
  const asked = Object.fromEntries(Object.entries(all).filter(([name]) => name in wanted));
  return { ...asked, ...waited(each, last, wanted.notBeforeMs) };
}

function postOf(each: Exchange, last: Exchange | undefined, wanted?: SeenPost): object {
  const { changes, channels, token } = each;
  const { seq, bytes } = changes[0]!;
  return {
    seq,
    data: bytes.toString('latin1'),
    ...(changes.length > 1 && { changes: changes.length }),
    ...(wanted?.channel !== undefined && { channel: channels }),
    ...(wanted?.token !== undefined && { token }),
    ...waited(each, last, wanted?.notBeforeMs),
  };
}

const plainly = (post: SeenPost) => ({ ...post, data: textOf(post.data) });

function resultsOf(stage: Stage, kind: string): unknown[] {
  return stage.results
    .filter(({ told }) => told === kind)
    .map(({ n, code }) => {
      const data = textOf(stage.published[n! - 1] ?? '');
      return kind === 'refused' ? [data, code] : data;
    });
}

function changes(posts: readonly Exchange[], { count, postsAtMost }: { count: number; postsAtMost: number }): Verdict {
  if (posts.length > postsAtMost) throw new Error(`${posts.length} POSTs, ${postsAtMost} would have done`);
  return new Set(posts.flatMap((each) => each.changes.map(({ seq }) => seq))).size === count ? 'seen' : 'soon';
}
