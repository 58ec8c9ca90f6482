/** Loads `.ts` files of the project as what they compile to (https://nodejs.org/api/module.html#loadurl-context-nextload). */
import { fileURLToPath } from 'node:url';
import { compile } from './compile.mjs';

function isTypeScript(url) {
  return url.startsWith('file:') && url.endsWith('.ts');
}

export function loadSync(url, context, next) {
  if (!isTypeScript(url)) return next(url, context);
  return { format: 'module', source: compile(fileURLToPath(url)), shortCircuit: true };
}

export async function load(url, context, next) {
  return loadSync(url, context, next);
}
