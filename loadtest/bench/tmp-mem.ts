import { HeldStreams } from './held-streams.ts';
import { startOther, startSmallchange } from './process.ts';

const n = Number(process.argv[2] ?? 15000),
  ch = Number(process.argv[3] ?? 1);
for (const name of (process.argv[4] ?? 'ours,net,node-http,fastify-sse,better-sse').split(',')) {
  const server =
    name === 'ours' ? await startSmallchange({ HEARTBEAT_MS: '600000', MAX_STREAMS: '19500' }) : await startOther(name);
  const held = new HeldStreams(server);
  await held.open(n / 3, ch);
  await held.deliver(20, 'room0', n / 3 / ch);
  const before = await server.heldBytes();
  const s = await held.open((2 * n) / 3, ch);
  const after = await server.heldBytes();
  const d = await held.deliver(20, 'room0', n / ch);
  const after2 = await server.heldBytes();
  const m = ((2 * n) / 3) * 1024;
  console.log(
    name,
    ((after - before) / m).toFixed(2),
    'KB; after deliveries',
    ((after2 - before) / m).toFixed(2),
    'KB;',
    Math.round(d.frames / d.serverCpuS),
    'deliveries/CPU-s',
    Math.round(d.frames / d.seconds),
    '/s; opened/s',
    Math.round((2 * n) / 3 / s),
  );
  await held.close();
  await server.stop();
}
process.exit(0);
