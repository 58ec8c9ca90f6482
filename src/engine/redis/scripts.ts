/** The Lua scripts, read once from the files beside this one. Without them there is no engine: a missing one throws here. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Script } from './nodes/calls.ts';

function read(name: string): Script {
  const source = readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

export const scripts = {
  claim: read('claim'),
  append: read('append'),
  peek: read('peek'),
  load: read('load'),
  commit: read('commit'),
  release: read('release'),
  expired: read('expired'),
  sweep: read('sweep'),
  history: read('history'),
  changes: read('changes'),
  tails: read('tails'),
  state: read('state'),
  renew: read('renew'),
  gather: read('gather'),
  rights: read('rights'),
} as const;
