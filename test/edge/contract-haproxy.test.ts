/** The protocol, kept by a whole fleet behind HAProxy, over HTTP/1.1 and over TLS and HTTP/2. */
import { contractThrough } from './contract.ts';

contractThrough('haproxy');
