/** The servers that hold streams, by the names the reports use: ours first, and those it is compared with. */
import { startOther, startSmallchange } from './measured.ts';
import { hasNchan, startNchan } from './nchan.ts';
import type { Running } from './process.ts';

/** Below the descriptors that a process has here, above what any benchmark opens. */
const MAX_STREAMS = '19500';

export const ours = 'smallchange';

export interface Contestant {
  readonly name: string;
  start(): Promise<Running>;
}

const other = (file: string, name = file): Contestant => ({ name, start: () => startOther(file, name) });

/** All roles in one process and everything in memory, as the others are. */
export const smallchange: Contestant = { name: ours, start: () => startSmallchange({ env: { MAX_STREAMS } }) };
export const net = other('net', 'bare net');
export const nodeHttp = other('node-http', 'node:http');
export const fastifySse = other('fastify-sse', '@fastify/sse');
export const betterSse = other('better-sse');
/** Empty where it is not installed. */
export const nchan: readonly Contestant[] = hasNchan ? [{ name: 'Nchan', start: () => startNchan() }] : [];
