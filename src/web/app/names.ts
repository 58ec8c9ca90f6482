/** The name that others see. The protocol's names are plain (P4); the first one is drawn, so that two devices are told apart at once. */
import { hashOf } from '../../domain/channel.ts';

const FIRST = [
  'amber',
  'brisk',
  'calm',
  'clever',
  'cosy',
  'early',
  'gentle',
  'keen',
  'lucky',
  'merry',
  'quiet',
  'swift',
];
const SECOND = [
  'badger',
  'crane',
  'finch',
  'hare',
  'heron',
  'lynx',
  'marten',
  'newt',
  'otter',
  'robin',
  'seal',
  'wren',
];

/** The same for people. */
export const NAME_RULE = 'A name is 1 to 40 of A–Z a–z 0–9 _ and -.';

export function isName(text: string): boolean {
  return /^[\w-]{1,40}$/.test(text);
}

export function drawName(random: () => number = Math.random): string {
  const one = (words: readonly string[]) => words[Math.floor(random() * words.length)];
  return `${one(FIRST)}-${one(SECOND)}`;
}

/** Without the tag that tells two of the same name apart. */
export function nameOf(from = ''): string {
  return from.split('~')[0] || 'somebody';
}

/** A colour for each name, the same everywhere and after each reload: 0 to 359. */
export function hueOf(name: string): number {
  return hashOf(name) % 360;
}
