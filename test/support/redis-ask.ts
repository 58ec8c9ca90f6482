/**
 * One question to a Redis, on a connection of its own, with the answer as `redis-cli` prints it where nobody looks at a terminal:
 * tests ask hundreds of times, and a process for each question would cost more than what they test.
 */
import { Redis } from 'ioredis';

export interface Asked {
  readonly host?: string;
  readonly port: number;
  /** Without it an answer is waited for as long as it takes: a frozen one answers when it is resumed. */
  readonly timeoutMs?: number;
  readonly username?: string;
  readonly password?: string;
}

/** @returns The answer. Rejects with an error reply, or when there is nobody. */
export async function ask(
  { host = '127.0.0.1', port, timeoutMs, ...user }: Asked,
  ...words: string[]
): Promise<string> {
  const [command = '', ...args] = words;
  const client = new Redis({
    host,
    port,
    ...user,
    lazyConnect: true,
    // Nothing but the question is sent: its user may have few rights.
    protocol: 2,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    ...(timeoutMs !== undefined && { connectTimeout: timeoutMs, commandTimeout: timeoutMs }),
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return linesOf(await client.call(command, ...args));
  } finally {
    client.disconnect();
  }
}

function linesOf(answer: unknown): string {
  if (Array.isArray(answer)) return answer.map(linesOf).join('\n');
  return answer === null ? '' : String(answer);
}
