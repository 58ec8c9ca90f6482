/** The process of the good clients: whoever measures is not to be slowed down by who attacks. */
import type { Target } from './attack.ts';
import { answerParent } from './children.ts';
import { GoodClients } from './good-clients.ts';

export type GoodQuestion =
  | { readonly step: 'open'; readonly target: Target }
  | { readonly step: 'begin' | 'end' | 'close' };

let good: GoodClients | undefined;

answerParent(async (question: GoodQuestion) => {
  if (question.step === 'open') {
    good = await GoodClients.open(question.target);
    return null;
  }
  if (question.step === 'end') return good!.end();
  good![question.step]();
  return null;
});
