/** The protocol, kept by a whole fleet behind nginx, over HTTP/1.1 and over TLS and HTTP/2. */
import { contractThrough } from './contract.ts';

contractThrough('nginx');
