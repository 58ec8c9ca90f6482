/**
 * Performs the stages of a Dockerfile, each in a folder of its own that stands for the root of its file system.
 *
 * No container: a step could read the machine's files by their absolute names, which is why `RUN` may not name any; and the
 * base image is the machine with the Node that runs this.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import type { Instruction, Stage } from './dockerfile.ts';
import type { IsSent } from './ignore.ts';
import type { User } from './user.ts';

export interface Building {
  /** The project. */
  readonly context: string;
  readonly isSent: IsSent;
  readonly user: User;
  /** Where the stages are made, and what they may use as home. */
  readonly scratch: string;
  /** The environment of the steps. */
  readonly env: Readonly<Record<string, string>>;
  say(line: string): void;
}

/** What the last stage leaves: the folder its process would run in, and how. */
export interface Image {
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly health: readonly string[];
  readonly stopSignal: NodeJS.Signals;
  readonly uid: number | null;
}

/** A step that takes longer hangs. */
const RUN_TIMEOUT_MS = 300_000;

export function buildImage(stages: readonly Stage[], building: Building): Image {
  const roots = new Map<string, string>();
  let image: Image | undefined;
  for (const [i, stage] of stages.entries()) {
    const root = join(building.scratch, `stage-${i}`);
    mkdirSync(root);
    building.user.own(root);
    building.say(`FROM ${stage.base}${stage.name === null ? '' : ` AS ${stage.name}`}`);
    image = buildStage(stage, root, roots, building);
    if (stage.name !== null) roots.set(stage.name, root);
  }
  if (image === undefined) throw new Error('there is no stage');
  return image;
}

function buildStage(stage: Stage, root: string, roots: ReadonlyMap<string, string>, building: Building): Image {
  let image: Image = { root, workdir: root, env: {}, command: [], health: [], stopSignal: 'SIGTERM', uid: null };
  for (const instruction of stage.instructions) {
    switch (instruction.kind) {
      case 'workdir':
        image = { ...image, workdir: join(root, instruction.path) };
        mkdirSync(image.workdir, { recursive: true });
        building.user.own(image.workdir);
        break;
      case 'copy':
        copy(instruction, image, roots, building);
        break;
      case 'run':
        run(instruction.command, image, building);
        break;
      case 'env':
        image = { ...image, env: { ...image.env, [instruction.name]: instruction.value } };
        break;
      case 'user':
        image = { ...image, uid: instruction.uid };
        break;
      case 'cmd':
        image = { ...image, command: instruction.command };
        break;
      case 'healthcheck':
        image = { ...image, health: instruction.command };
        break;
      case 'stopsignal':
        image = { ...image, stopSignal: instruction.signal };
        break;
      case 'expose':
        break;
    }
  }
  return image;
}

function copy(
  { from, sources, to }: Instruction & { kind: 'copy' },
  { workdir }: Image,
  roots: ReadonlyMap<string, string>,
  { context, isSent, user, say }: Building,
): void {
  say(`COPY ${from === null ? '' : `--from=${from} `}${sources.join(' ')} ${to}`);
  const root = from === null ? context : roots.get(from);
  if (root === undefined) throw new Error(`COPY --from=${from}: no stage of that name`);
  for (const source of sources) {
    const path = join(root, source);
    if (from === null && !isSent(source.replace(/\/$/, '')))
      throw new Error(`COPY ${source}: .dockerignore leaves it out`);
    const isFolder = statSync(path).isDirectory();
    const isInto = to.endsWith('/') && !isFolder;
    const target = join(workdir, to, isInto ? basename(source) : '');
    const filter = (each: string) => from !== null || isSent(relative(context, each).split(sep).join('/'));
    cpSync(path, target, { recursive: true, filter, verbatimSymlinks: true });
  }
  ownAll(workdir, user);
}

function run(command: string, { workdir, env }: Image, building: Building): void {
  building.say(`RUN ${command}`);
  const { status, signal, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
    cwd: workdir,
    env: { ...building.env, ...env },
    encoding: 'utf8',
    timeout: RUN_TIMEOUT_MS,
    ...building.user.ids,
  });
  if (status !== 0) throw new Error(`RUN ${command} ended with ${status ?? signal}:\n${stdout}${stderr}`);
}

function ownAll(folder: string, user: User): void {
  user.own(folder);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) ownAll(path, user);
    else if (entry.isFile()) user.own(path);
  }
}
