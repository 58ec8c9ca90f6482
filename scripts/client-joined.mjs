/**
 * What the client and the part that it loads later have in common, esbuild puts into a third file, which every page would have to wait for
 * after the first. Here it is put into `client.js`, where the part finds it under the names of that file: a request less, and some 490
 * bytes, for two files are not compressed as well as one.
 */
import { basename } from 'node:path';
import { build } from 'esbuild';

/**
 * @param parts As esbuild made them. @param options With which.
 * @returns Name and text of two files.
 */
export async function joinShared(parts, options) {
  const made = new Map(parts.map(({ path, text }) => [basename(path), text]));
  const [, shared] = /from"\.\/([^"]+)"/.exec(made.get('client.js')) ?? [];
  const later = [...made.keys()].find((name) => name !== 'client.js' && name !== shared);
  if (shared === undefined || made.size !== 3) throw new Error(`the client is in other parts: ${[...made.keys()]}`);
  const whole = await build({
    ...options,
    entryPoints: undefined,
    stdin: { contents: `export * from './client.js'; export * from './${shared}';` },
    write: false,
    plugins: [madeBefore(made)],
  });
  return [
    ['client.js', whole.outputFiles[0].text],
    [later, made.get(later).replace(`"./${shared}"`, '"./client.js"')],
  ];
}

/** Files that are nowhere but here. */
function madeBefore(made) {
  return {
    name: 'made before',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\// }, ({ path, kind }) =>
        kind === 'dynamic-import' ? { path, external: true } : { path: basename(path), namespace: 'made' },
      );
      onLoad({ filter: /./, namespace: 'made' }, ({ path }) => ({ contents: made.get(path) }));
    },
  };
}
