/** One command to a Redis over a connection of its own. */
import { connect } from 'node:net';

const PATIENCE_MS = 10_000;

/** @returns The reply as it came, when it is short. */
export function commandRedis(port: number, ...words: readonly string[]): Promise<string> {
  const command = [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ''].join(
    '\r\n',
  );
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(command));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`Redis does not answer ${words[0]}`)));
    socket.once('error', reject);
    socket.once('data', (reply) => {
      socket.destroy();
      const text = reply.toString();
      if (text.startsWith('-')) reject(new Error(text.trim()));
      else resolve(text.trim());
    });
  });
}
