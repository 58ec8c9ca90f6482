/**
 * What a reader of a page has at hand, in a folder: the examples of this project, `npx`, and curl.
 *
 * The ports of the page are not those of this machine. So curl is told by its own configuration where `localhost:8080` is, and sends what
 * the page says; and `npx smallchange` is a script that starts the program on the port which stands for the page's `PORT`.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/program.ts';

/**
 * @param real By a port of the page: the port of this machine.
 * @param program What `npx smallchange` runs.
 * @returns The environment of the commands.
 */
export function furnish(path: string, real: ReadonlyMap<number, number>, program: string): NodeJS.ProcessEnv {
  symlinkSync(join(projectRoot, 'examples'), join(path, 'examples'));
  writeFileSync(join(path, '.vars'), '');
  const places = Array.from(real, ([shown, port]) => `connect-to = "localhost:${shown}:127.0.0.1:${port}"\n`);
  // As where it writes to a terminal, it says nothing of its progress.
  writeFileSync(join(path, '.curlrc'), `silent\nshow-error\n${places.join('')}`);
  const bin = join(path, '.bin');
  mkdirSync(bin);
  const cases = Array.from(real, ([shown, port]) => `${shown}) PORT=${port} ;;`);
  const script = `#!/bin/sh\ncase \${PORT:-8080} in ${cases.join(' ')} esac\nexport PORT\nexec '${process.execPath}' '${program}'\n`;
  writeFileSync(join(bin, 'npx'), script);
  chmodSync(join(bin, 'npx'), 0o755);
  return { PATH: `${bin}:${process.env.PATH}`, HOME: path, CURL_HOME: path, LC_ALL: 'C.UTF-8' };
}
