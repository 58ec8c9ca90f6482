/**
 * Reads a Dockerfile: the few instructions this project uses, in the forms it uses. Any other is refused, so that the check
 * never passes over a step that a real build would perform.
 */
export type Instruction =
  | { readonly kind: 'workdir'; readonly path: string }
  /** `from` is the stage that is copied from, null for the build context. */
  | { readonly kind: 'copy'; readonly from: string | null; readonly sources: readonly string[]; readonly to: string }
  /** A line for the shell. */
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'env'; readonly name: string; readonly value: string }
  | { readonly kind: 'user'; readonly uid: number; readonly gid: number }
  | { readonly kind: 'stopsignal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'expose'; readonly port: number }
  | { readonly kind: 'healthcheck'; readonly command: readonly string[] }
  | { readonly kind: 'cmd'; readonly command: readonly string[] };

export interface Stage {
  /** The last stage has none. */
  readonly name: string | null;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

type Read = (rest: string) => Instruction;

const readers: Readonly<Record<string, Read>> = {
  WORKDIR: (rest) => ({ kind: 'workdir', path: matched(rest, /^(\/\S*)$/)[0]! }),
  RUN(rest) {
    // Performed outside of a container: an absolute path would be the machine's own.
    if (/^-|^\[|(^|[\s='"])\//.test(rest)) throw new Error(`RUN ${rest}: no flags, no list, no absolute paths`);
    return { kind: 'run', command: rest };
  },
  COPY(rest) {
    const [from, paths] = matched(rest, /^(?:--from=(\S+)\s+)?([^-].*)$/);
    const words = paths!.trim().split(/\s+/);
    if (words.length < 2) throw new Error(`COPY ${rest}: from where to where?`);
    return { kind: 'copy', from: from ?? null, sources: words.slice(0, -1), to: words.at(-1)! };
  },
  ENV(rest) {
    const [name, value] = matched(rest, /^([A-Z_]+)=(\S*)$/);
    return { kind: 'env', name: name!, value: value! };
  },
  USER(rest) {
    const [uid, gid] = matched(rest, /^(\d+):(\d+)$/);
    return { kind: 'user', uid: Number(uid), gid: Number(gid) };
  },
  STOPSIGNAL: (rest) => ({ kind: 'stopsignal', signal: matched(rest, /^(SIG[A-Z]+)$/)[0] as NodeJS.Signals }),
  EXPOSE: (rest) => ({ kind: 'expose', port: Number(matched(rest, /^(\d+)$/)[0]) }),
  HEALTHCHECK: (rest) => ({
    kind: 'healthcheck',
    command: list(matched(rest, /^(?:--[a-z-]+=\S+\s+)*CMD\s+(\[.*\])$/)[0]!),
  }),
  CMD: (rest) => ({ kind: 'cmd', command: list(rest) }),
};

/** @throws with the line, for anything not known here. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string | null; base: string; instructions: Instruction[] }[] = [];
  const given: Record<string, string> = {};
  for (const line of linesOf(text)) {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'ARG' && stages.length === 0) {
      const [name, value] = matched(rest!, /^([A-Z_]+)=([^\s$]+)$/);
      given[name!] = value!;
      continue;
    }
    if (word === 'FROM') {
      const [base, name] = matched(rest!, /^(\S+)(?:\s+AS\s+(\S+))?$/);
      stages.push({ base: filledIn(base!, given), name: name ?? null, instructions: [] });
      continue;
    }
    const read = word === undefined ? undefined : readers[word];
    if (read === undefined) throw new Error(`not an instruction this check knows: ${line}`);
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`before the first FROM: ${line}`);
    stage.instructions.push(read(rest!));
  }
  return stages;
}

/** `${NAME}` of a base image is what an ARG before the first FROM says, if nothing else is given to the build. */
function filledIn(base: string, given: Readonly<Record<string, string>>): string {
  return base.replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
    const value = given[name];
    if (value === undefined) throw new Error(`FROM ${base}: no ARG before it says ${name}`);
    return value;
  });
}

/** Without comments and empty lines; a backslash at the end continues a line. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function matched(text: string, form: RegExp): (string | undefined)[] {
  const found = form.exec(text);
  if (found === null) throw new Error(`not in a form this check knows: ${text}`);
  return found.slice(1);
}

/** The exec form, `["node", "main.js"]`: no shell between the signal and the process. */
function list(text: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (Array.isArray(parsed) && parsed.length > 0 && parsed.every((word) => typeof word === 'string')) return parsed;
  throw new Error(`not a list of words: ${text}`);
}
