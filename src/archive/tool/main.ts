/**
 * `npm run archive -- migrate | status | verify [--channel x] | export --channel x`: the archive that DATABASE_URL and
 * ARCHIVE_SCHEMA name, or the directory of a single box that DATA_DIR names, for an operator. What was asked for goes to the standard output, all else to the other. Exits with 1 where something
 * is wrong, with 2 where it was asked wrongly.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type Config, readConfig } from '../../config.ts';
import { isChannel } from '../../domain/channel.ts';
import { inspectDirectory } from '../../engine/durable/inspection.ts';
import { reducerNamed } from '../../merger/reducers/patterns.ts';
import type { Inspection } from '../inspection.ts';
import { inspectPostgres } from '../postgres/inspection.ts';
import { exportChannel } from './export.ts';
import { verify } from './verify.ts';

const USAGE = 'npm run archive -- migrate | status | verify [--channel x] | export --channel x';

type Command = (inspection: Inspection, channel: string | null) => Promise<boolean>;

const commands: Readonly<Record<string, Command>> = {
  async migrate(inspection) {
    const run = await inspection.migrate();
    console.log(run.length === 0 ? 'nothing to do' : `run: ${run.join(', ')}`);
    return true;
  },

  async status(inspection) {
    const { channels, logs, events, bytes, shards } = await inspection.status();
    console.log(`${channels} channels, ${logs} logs, ${events} events, ${Math.ceil(bytes / 1024)} KiB`);
    for (const { shard, epoch, rev } of shards) console.log(`shard ${shard}: epoch ${epoch ?? 'none'}, rev ${rev}`);
    return true;
  },

  async verify(inspection, channel) {
    const applyOf = (name: string) => reducerNamed(name)?.apply;
    const { logs, events, states, folded, faults } = await verify(inspection, channel, applyOf);
    for (const fault of faults) console.log(fault);
    const ofStates = states === 0 ? '' : `${folded} of ${states} states folded anew, `;
    console.log(`${logs} logs, ${events} events, ${ofStates}${faults.length} faults`);
    return faults.length === 0;
  },

  async export(inspection, channel) {
    if (channel === null) throw new Wrong('export needs --channel');
    const count = await exportChannel(inspection, channel, async (line) => {
      if (!process.stdout.write(line)) await once(process.stdout, 'drain');
    });
    console.error(`${count} events`);
    return true;
  },
};

class Wrong extends Error {}

async function run(): Promise<boolean> {
  const { values, positionals } = asked();
  const command = Object.hasOwn(commands, positionals[0] ?? '') ? commands[positionals[0]!] : undefined;
  if (command === undefined || positionals.length !== 1) throw new Wrong('not a command of this tool');
  const channel = values.channel ?? null;
  if (channel !== null && !isChannel(channel)) throw new Wrong('--channel is not the name of a channel');
  const outcome = readConfig();
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const inspection = await inspectionOf(outcome.config);
  try {
    return await command(inspection, channel);
  } finally {
    await inspection.close();
  }
}

async function inspectionOf({ databaseUrl: url, archiveSchema: schema, dataDir }: Config): Promise<Inspection> {
  if (url !== null) return inspectPostgres({ url, schema });
  if (dataDir !== null) return inspectDirectory(dataDir);
  throw new Error('neither DATABASE_URL nor DATA_DIR is set: there is no archive');
}

function asked() {
  try {
    return parseArgs({ options: { channel: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    throw new Wrong((error as Error).message);
  }
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  if (error instanceof Wrong) console.error(USAGE);
  process.exitCode = error instanceof Wrong ? 2 : 1;
}
