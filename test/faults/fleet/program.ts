/**
 * The program under test, compiled into a folder of the run's own: others build into `dist/` while a long run goes on, and
 * a process that is restarted in its middle must come back as what it was.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '../../..');

let built: string | undefined;

/** @returns The file to run, built once for all labs of this process. @throws when nothing comes out. */
export function theProgram(): string {
  if (built !== undefined) return built;
  const folder = mkdtempSync(join(tmpdir(), 'smallchange-program-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  built = buildProgram(folder, projectRoot);
  return built;
}

function buildProgram(into: string, root: string): string {
  const dist = join(into, 'dist');
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', dist];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the program does not compile:\n${stdout}`);
  const src = join(root, 'src');
  for (const entry of readdirSync(src, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name).slice(src.length);
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    cpSync(join(src, path), join(dist, path));
  }
  cpSync(join(root, 'package.json'), join(into, 'package.json'));
  symlinkSync(join(projectRoot, 'node_modules'), join(into, 'node_modules'));
  return join(dist, 'main.js');
}
