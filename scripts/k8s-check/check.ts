/**
 * `npm run k8s:check`: renders every part of k8s/ as a cluster would be given it, and says all that is wrong with it. Needs no cluster.
 */
import { fileURLToPath } from 'node:url';
import { parseManifests } from './manifests.ts';
import { problemsOf } from './problems.ts';
import { render } from './render.ts';

/** What is rendered. A base is not whole: it says neither AUTH nor has it a Secret. */
export const parts = [
  { name: 'base', isWhole: false },
  { name: 'overlays/dev', isWhole: true },
  { name: 'overlays/prod', isWhole: true },
  { name: 'overlays/examples/ingress', isWhole: true },
  { name: 'overlays/examples/gateway-api', isWhole: true },
  { name: 'overlays/examples/redis-sentinel', isWhole: true },
  { name: 'overlays/examples/redis-operator', isWhole: true },
  { name: 'overlays/examples/archive', isWhole: true },
] as const;

export function folderOf(name: string): string {
  return fileURLToPath(new URL(`../../k8s/${name}`, import.meta.url));
}

export function checkPart({ name, isWhole }: (typeof parts)[number]) {
  const manifests = parseManifests(render(folderOf(name)));
  return { manifests, problems: problemsOf(manifests, { isWhole }) };
}
