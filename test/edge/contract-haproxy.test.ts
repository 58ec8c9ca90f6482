/** The protocol, kept by a whole fleet behind HAProxy. */
import { contractThrough } from './contract.ts';

contractThrough('haproxy', 'http/1.1');
