/**
 * `npm run edge -- haproxy` or `nginx`: a small fleet behind that edge, on free ports of 127.0.0.1 and with a certificate of its
 * own, until Ctrl-C. Exit code 0 after that, 1 when something does not run, 2 for bad use.
 */
import { startSmallFleet } from './fleet.ts';
import { type EdgeProcess, startEdge } from './process.ts';
import { needProgram } from './programs.ts';
import { isEdge } from './render.ts';
import type { Edge } from './settings.ts';

function invitation(edge: Edge, { plainUrl, tlsUrl, certificate }: EdgeProcess): string {
  return `
  ${edge}, two gateways, two buckets and a merger are running:

  Plain     ${plainUrl}
  TLS       ${tlsUrl}
  Listen:   curl -N --cacert ${certificate} ${tlsUrl}/c/demo/events
  Send:     curl --cacert ${certificate} -d x ${tlsUrl}/c/demo
  Or open   ${plainUrl}/

  Ctrl-C stops all of it.

`;
}

async function run(edge: Edge): Promise<number> {
  // Before anything is started.
  for (const program of [edge, 'openssl', 'redis-server'] as const) needProgram(program);
  let stop: (code: number) => void = () => {};
  const stopped = new Promise<number>((resolve) => {
    stop = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(0));
  const fleet = await startSmallFleet((why) => {
    process.stderr.write(`edge: ${why}\n`);
    stop(1);
  });
  try {
    await using proxy = await startEdge(edge, { buckets: fleet.buckets, gateways: fleet.gateways });
    process.stdout.write(invitation(edge, proxy));
    return await stopped;
  } finally {
    await fleet.stop();
  }
}

const edge = process.argv[2];
if (isEdge(edge)) {
  process.exitCode = await run(edge).catch((error: Error) => {
    process.stderr.write(`edge: ${error.message}\n`);
    return 1;
  });
} else {
  process.stderr.write('edge: say which: npm run edge -- haproxy, or nginx\n');
  process.exitCode = 2;
}
