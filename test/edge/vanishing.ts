/**
 * In a network namespace of its own, which it may break: two clients listen through an edge, over HTTP/1.1 and over HTTP/2, and vanish
 * from the network. Writes how long each of them was kept, in ms.
 */
import { spawnSync } from 'node:child_process';
import { connect as connectH2 } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isEdge } from '../../proxy/render.ts';
import { startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const ADDRESS = '127.0.7.7';
/** What the kernel does by itself takes 16 minutes. */
const GIVEN_UP_MS = 90_000;

function run(command: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

const edge = process.argv[2];
if (!isEdge(edge)) throw new Error('say which edge');
run('ip link set lo up');
if (edge === 'nginx') run(`sysctl -q -p ${new URL('../../proxy/nginx-sysctl.conf', import.meta.url).pathname}`);
await using server = await startServer({ env: { DRAIN_MS: '0', HEARTBEAT_MS: '1000' } });
await using proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
const streams = async () => (await request(server.url, '/load')).json<{ streams: number }>().streams;

const from = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress: ADDRESS });
const plain = connect(from(proxy.plainUrl));
plain.write('GET /c/a/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
const secure = connectTls({ ...from(proxy.tlsUrl), ALPNProtocols: ['h2'], rejectUnauthorized: false });
const session = connectH2(proxy.tlsUrl, { createConnection: () => secure });
const stream = session.request({ ':path': '/c/b/events' });
for (const each of [plain, secure, session, stream]) each.on('error', () => {});
for (const each of [plain, stream]) each.resume();
await waitFor(async () => (await streams()) === 2, { what: 'two streams', timeoutMs: 20_000 });

run('nft add table inet lost && nft add chain inet lost in "{ type filter hook input priority 0; }"');
run(`nft add rule inet lost in ip saddr ${ADDRESS} drop && nft add rule inet lost in ip daddr ${ADDRESS} drop`);
const startedMs = performance.now();
const keptMs: number[] = [];
await waitFor(
  async () => {
    for (let gone = 2 - (await streams()); keptMs.length < gone; ) keptMs.push(performance.now() - startedMs);
    return keptMs.length === 2;
  },
  { what: () => `both to be gone; so far: ${keptMs}`, timeoutMs: GIVEN_UP_MS, everyMs: 100 },
);
process.stdout.write(`${JSON.stringify(keptMs)}\n`);
for (const each of [plain, stream, session]) each.destroy();
