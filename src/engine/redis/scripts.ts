/** The Lua scripts, read once from the files beside this one. Without them there is no engine: a missing one throws here. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Script } from './nodes/calls.ts';

const textOf = (name: string) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');

/** What several scripts have in common, as Redis has no libraries for scripts: put behind their first line, which has the flags. */
const storeClock = textOf('store-clock');
const channelEpoch = textOf('channel-epoch');
const lineage = textOf('lineage');
const thisServer = textOf('this-server');
const refilling = thisServer + textOf('refilling');
const channelCommits = textOf('channel-commits');
const entries = textOf('entries');
const vouched = thisServer + textOf('vouched');

function read(name: string, shared = ''): Script {
  const source = textOf(name).replace('\n', () => `\n${shared}`);
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

export const scripts = {
  claim: read('claim'),
  append: read('append'),
  peek: read('peek', storeClock + refilling + entries),
  load: read('load'),
  commit: read('commit', storeClock + thisServer + channelCommits),
  release: read('release'),
  expired: read('expired', storeClock),
  sweep: read('sweep', storeClock),
  history: read('history', storeClock + channelEpoch + lineage + refilling),
  changes: read('changes'),
  tails: read('tails', channelEpoch + lineage),
  state: read('state', thisServer),
  progress: read('progress'),
  renew: read('renew', channelEpoch + refilling),
  erase: read('erase', storeClock + channelEpoch + vouched),
  eraseWaiting: read('erase-waiting', vouched),
  eraseUnreadable: read('erase-unreadable'),
  gather: read('gather'),
  rights: read('rights'),
  unarchived: read('unarchived'),
  markArchived: read('mark-archived', storeClock),
  inbox: read('inbox', entries),
  refill: read('refill', storeClock + channelCommits + refilling),
} as const;
