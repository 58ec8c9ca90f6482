/** Of the two edges' templates, for `npm run mutations`: each takes a proxy and servers behind it. */
import type { Mutation } from './mutations.ts';

const at = (file: string, tests: string, ...names: string[]): Mutation[] =>
  names.map((patch) => ({ patch, file: `test/edge/${file}.test.ts`, tests }));

export const edgeMutations: readonly Mutation[] = [
  ...at('leaving', 'listeners', 'edge-ghosts-kept'),
  ...at('leaving', 'half-closes', 'edge-half-close-cut', 'nginx-half-close-cut'),
  ...at('rates', 'all the time', 'edge-refused-count'),
  ...at('rates', 'together ask', 'edge-rate-to-the-letter'),
  ...at('rates', 'behind a balancer', 'edge-six-by-address'),
  ...at('places', 'browsers at an edge', 'edge-refused-stay'),
  ...at('places', 'streams of curl', 'edge-streams-by-accept', 'nginx-streams-by-accept'),
  ...at('cors', 'by no other', 'edge-own-cors-off', 'nginx-own-cors-off'),
  ...at('observed', 'who was refused', 'edge-refusals-uncounted'),
  ...at('observed', 'where no client', 'edge-metrics-to-clients'),
  ...at('observed', 'how many connections', 'nginx-figures-wrong'),
  ...at('weak-tls', 'cipher suites', 'edge-weak-ciphers', 'nginx-weak-ciphers'),
  ...at('clear', 'every request', 'edge-serves-in-clear', 'nginx-serves-in-clear'),
  ...at('h2-limits', 'at once', 'edge-streams-unbounded', 'nginx-streams-unbounded'),
  ...at('certificate', 'cannot use', 'edge-certificate-unseen', 'edge-bad-certificate-untold'),
  ...at('certificate', 'no stream at nginx', 'nginx-reload-cuts'),
];
