/**
 * `npm run image:check`: performs the Dockerfile where there is no Docker, as somebody without rights, and tries the result.
 *
 * What it shows: that the steps work from a clean checkout with what `.dockerignore` lets through, that the last stage has all it needs
 * and nothing it writes to, and that its process serves, is found healthy, and ends with 0 when told to. What it cannot show:
 * the base image. Put the Node of the Dockerfile first in PATH to come closer.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDockerfile, type Stage } from './dockerfile.ts';
import { parseIgnore } from './ignore.ts';
import { buildImage, type Image } from './stages.ts';
import { tryImage } from './trial.ts';
import { unprivileged } from './user.ts';

const context = join(dirname(fileURLToPath(import.meta.url)), '../..');
const say = (line: string) => console.log(line);

function warnOfAnotherNode(stages: readonly Stage[]): void {
  const wanted = /^node:(\d+)/.exec(stages.at(-1)?.base ?? '')?.[1];
  const [major] = process.versions.node.split('.');
  if (wanted !== major) say(`(performed with Node ${process.versions.node}; the Dockerfile says ${wanted})`);
}

/** What no registry here can tell: whether the tag is still the image that it was. */
function tellOfDigest(stages: readonly Stage[]): void {
  const base = stages.at(-1)?.base ?? '';
  if (!/@sha256:[0-9a-f]{64}$/.test(base))
    say(`(${base} is a tag: give NODE_IMAGE with its digest to what you publish)`);
}

/** By which a machine says how its packages are reached, and whom to trust for it. */
const network = [
  'NODE_EXTRA_CA_CERTS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
];

/** Only what the steps need: their own home and cache, and where this machine gets its packages from. */
function environment(scratch: string): Record<string, string> {
  const home = join(scratch, 'home');
  mkdirSync(home);
  const reached = network.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  const registry = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout.trim();
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    npm_config_cache: join(home, '.npm'),
    ...Object.fromEntries(reached),
    ...(registry !== '' && { npm_config_registry: registry }),
  };
}

/** As a container with a read-only root has it. */
function makeReadOnly({ root }: Image): void {
  const { status } = spawnSync('chmod', ['-R', 'a-w', root]);
  if (status !== 0) throw new Error(`${root} could not be made read-only`);
}

async function check(scratch: string): Promise<void> {
  const user = unprivileged();
  const env = environment(scratch);
  for (const folder of [scratch, env.HOME!]) {
    chmodSync(folder, 0o755);
    user.own(folder);
  }
  const stages = parseDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'));
  const isSent = parseIgnore(readFileSync(join(context, '.dockerignore'), 'utf8'));
  warnOfAnotherNode(stages);
  tellOfDigest(stages);
  const image = buildImage(stages, { context, isSent, user, scratch, env, say });
  if (image.uid === null || image.uid === 0) throw new Error('the last stage has no USER, or root');
  makeReadOnly(image);
  await tryImage(image, { PATH: env.PATH }, user, say);
}

const scratch = mkdtempSync(join(tmpdir(), 'smallchange-image-'));
try {
  await check(scratch);
  say('The image works.');
} catch (error) {
  console.error(`The image does not work: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  spawnSync('chmod', ['-R', 'u+w', scratch]);
  rmSync(scratch, { recursive: true, force: true });
}
