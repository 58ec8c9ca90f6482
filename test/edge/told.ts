/** Clients with a connection each, and the first words that are said to them. */
import { connect } from 'node:net';

export interface Told {
  /** `refused`: 429 or 503, with a reason and a time to come back; `nothing`: cut, or left without an answer. */
  readonly kind: 'stream' | 'polite' | 'refused' | 'nothing';
  readonly ms: number;
  close(): void;
}

/** @param waitMs After so long without an answer it is left. */
export function ask(url: string, text: string, waitMs: number): Promise<Told> {
  const { hostname, port } = new URL(url);
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let said = '';
    const told = (kind: Told['kind']) =>
      resolve({ kind, ms: performance.now() - startedMs, close: () => socket.destroy() });
    socket.setTimeout(waitMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      said += chunk;
      if (said.includes('event: $sync')) told('stream');
      else if (said.includes('event: $overloaded')) told('polite');
      else if (/^HTTP\/1\.1 (429|503) .*\r\nretry-after: \d.*"code":"\w+"/is.test(said)) told('refused');
    });
    socket.on('error', () => {}).once('close', () => told('nothing'));
    socket.write(text);
  });
}

export function countOf(all: readonly Told[]): Record<Told['kind'], number> {
  const count = { stream: 0, polite: 0, refused: 0, nothing: 0 };
  for (const { kind } of all) count[kind]++;
  return count;
}
