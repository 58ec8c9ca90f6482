/**
 * Node runs TypeScript: `node --import ./scripts/typescript/register.mjs file.ts`. For tests and the processes that they start,
 * of which there are hundreds: it costs a third of what a loader for every kind of project does.
 *
 * Of each file the types are taken away, nothing else; paths in imports are written as they are on disk, with `.ts`.
 */
import * as nodeModule from 'node:module';
import { loadSync } from './hooks.mjs';

process.setSourceMapsEnabled(true);
// In this thread where Node can; before 22.15 it has hooks only in one of their own.
if (nodeModule.registerHooks) nodeModule.registerHooks({ load: loadSync });
else nodeModule.register('./hooks.mjs', import.meta.url);
