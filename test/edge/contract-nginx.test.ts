/** The protocol, kept by a whole fleet behind nginx. */
import { contractThrough } from './contract.ts';

contractThrough('nginx', 'http/1.1');
