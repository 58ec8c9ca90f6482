/** `npm run k8s:chart`: writes the templates of k8s/chart that are made from the manifests. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { templates } from './chart.ts';

export const folder = new URL('../../k8s/chart/templates/', import.meta.url);

const made = templates();
for (const name of readdirSync(folder)) {
  const isMade = readFileSync(new URL(name, folder), 'utf8').startsWith('{{- /* Made by');
  if (isMade && !made.has(name)) rmSync(new URL(name, folder));
}
for (const [name, text] of made) writeFileSync(new URL(name, folder), text);
