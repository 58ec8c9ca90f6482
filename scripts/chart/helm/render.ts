/**
 * What `helm template` makes of our chart, for machines without Helm: values over the chart's own, checked by its schema, each
 * template executed. It knows what the chart uses and stops at all else.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { execute, type Templates } from './execute.ts';
import { functions } from './functions.ts';
import { parse } from './parse.ts';
import { schemaErrors } from './schema.ts';

const chart = new URL('../../../k8s/chart/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, chart), 'utf8');

export interface Release {
  readonly name: string;
  readonly namespace: string;
}

type Fields = Record<string, unknown>;

/** @param values As in a file given with `-f`. @throws for values that the schema of the chart does not take, with all that is wrong. */
export function renderChart(values: Fields, { name, namespace }: Release): { yaml: string; notes: string } {
  const merged = (functions.mergeOverwrite as (...maps: Fields[]) => Fields)(
    parseYaml(read('values.yaml')) as Fields,
    values,
  );
  const wrong = schemaErrors(JSON.parse(read('values.schema.json')), merged);
  if (wrong.length > 0) throw new Error(`values do not fit the schema: ${wrong.join('; ')}`);

  const about = parseYaml(read('Chart.yaml')) as Fields;
  const files = readdirSync(new URL('templates/', chart)).sort();
  const defined: Templates = new Map();
  const parsed = files.map((file) => ({ file, parts: parse(read(`templates/${file}`)) }));
  for (const { file, parts } of parsed) {
    defined.set(`${String(about.name)}/templates/${file}`, parts);
    for (const part of parts) if (part.kind === 'define') defined.set(part.name, part.parts);
  }
  const root = {
    Values: merged,
    Release: { Name: name, Namespace: namespace, Service: 'Helm' },
    Chart: { Name: about.name, Version: about.version, AppVersion: about.appVersion },
    Template: { BasePath: `${String(about.name)}/templates` },
  };
  const shown = (file: string) => {
    try {
      return execute(parsed.find((each) => each.file === file)!.parts, structuredClone(root), defined);
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
    }
  };
  return {
    yaml: files
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => `---\n${shown(file)}\n`)
      .join(''),
    notes: shown('NOTES.txt'),
  };
}
