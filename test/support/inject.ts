/** Puts anything at all into an inbox in Redis, as another version or a mistake might. */

type Cli = (...args: string[]) => Promise<string>;

/** As the text of a Lua string, since an argument of a program cannot hold every byte. */
const luaText = (raw: Uint8Array) => `"${[...raw].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;

export async function injectEntry(cli: Cli, prefix: string, shard: number, raw: Uint8Array): Promise<void> {
  const push = `return redis.call('RPUSH', KEYS[1], ${luaText(raw)})`;
  await cli('EVAL', push, '1', `${prefix}:{${shard}}:inbox`);
}
