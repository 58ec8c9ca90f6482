/** The protocol over TLS and HTTP/2, kept by a whole fleet behind HAProxy. */
import { contractThrough } from './contract.ts';

contractThrough('haproxy', 'h2');
