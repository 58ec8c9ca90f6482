/** The protocol, kept by a whole fleet behind HAProxy. */
import { contractThrough, operatorsPaths } from './contract.ts';

/** What does not parse is answered before any rule is reached: 400 all the same, but with HAProxy's own page. */
const notParsed = 'HAProxy answers what is no HTTP with a page of its own';

contractThrough('haproxy', 'http/1.1', [
  operatorsPaths,
  [/^P2: a blank or a line feed in the request line/, notParsed],
  [/^P1: what is no HTTP is 400/, notParsed],
]);
