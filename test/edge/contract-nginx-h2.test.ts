/** The protocol over TLS and HTTP/2, kept by a whole fleet behind nginx. */
import { contractThrough } from './contract.ts';

contractThrough('nginx', 'h2');
