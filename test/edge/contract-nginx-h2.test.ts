/** The protocol over TLS and HTTP/2, kept by a whole fleet behind nginx. */
import { contractThrough, operatorsPaths } from './contract.ts';

/** So no server can say what is right, nor that an origin may read it: 400 all the same, and the connection ends. */
const decoded = 'nginx decodes every path itself, and answers what it cannot decode before it has read the header';

contractThrough('nginx', 'h2', [
  operatorsPaths,
  [/^P2: NUL is 400/, decoded],
  [/^P26: allowed origins/, decoded],
  [/^P2: a way up in the path/, 'nginx answers a way above the root with 400, where a server says 404'],
]);
