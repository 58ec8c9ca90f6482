/**
 * The attacker of the benchmark of bad tokens, in a process of its own: POSTs with tokens of another secret, so many a second in all, from so many
 * addresses that a proxy would tell, on a schedule. It says in a line that it has begun, and, told to stop (SIGTERM), in one of JSON how many were sent and what was answered.
 */
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface Attack {
  readonly port: number;
  readonly addresses: number;
  /** In all. */
  readonly perS: number;
}

export interface AttackResult {
  readonly perS: number;
  /** By status. */
  readonly answers: Readonly<Record<string, number>>;
  readonly cpuShare: number;
}

/** Each has one request under way, so that an answer that is late is no reason to send fewer. */
const CONNECTIONS_PER_ADDRESS = 8;
const TOKENS = 5_000;
const TICK_MS = 5;

const attack = JSON.parse(process.argv[2]!) as Attack;
const answers: Record<string, number> = {};
const free: Socket[] = [];
let sent = 0;

function badToken(n: number): string {
  const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: 'eve', jti: String(n), exp: Math.floor(Date.now() / 1000) + 3_600, pad: 'x'.repeat(100) };
  const input = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64(claims)}`;
  return `${input}.${createHmac('sha256', 'not the secret of the server').update(input).digest('base64url')}`;
}

const requests = Array.from({ length: TOKENS }, (_, n) => {
  const address = `198.51.100.${n % attack.addresses}`;
  const fields = `Host: localhost\r\nX-Forwarded-For: ${address}\r\nAuthorization: Bearer ${badToken(n)}\r\nContent-Length: 1\r\n`;
  return `POST /c/room${n % 1_000} HTTP/1.1\r\n${fields}\r\nx`;
});

function open(): void {
  const socket = connect({ port: attack.port, host: '127.0.0.1', noDelay: true });
  socket.once('connect', () => free.push(socket));
  socket.on('data', (bytes) => {
    const status = bytes.toString('latin1', 9, 12);
    answers[status] = (answers[status] ?? 0) + 1;
    free.push(socket);
  });
  socket.on('error', () => socket.destroy());
}

for (let i = 0; i < attack.addresses * CONNECTIONS_PER_ADDRESS; i++) open();
const startedMs = performance.now();
const cpu = process.cpuUsage();
setInterval(() => {
  const due = ((performance.now() - startedMs) / 1000) * attack.perS;
  while (sent < due) {
    const socket = free.shift();
    if (socket === undefined) return;
    if (socket.destroyed) continue;
    socket.write(requests[sent % TOKENS]!);
    sent++;
  }
}, TICK_MS);
console.log('begun');
process.once('SIGTERM', () => {
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - startedMs;
  const result: AttackResult = {
    perS: sent / (elapsedMs / 1000),
    answers,
    cpuShare: (user + system) / 1000 / elapsedMs,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
});
