/** `npm run k8s:edge`: writes the two configurations of the edge, without and with TLS, where kustomize finds them. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { edgeConfig, edgeFiles, luaFile } from './edge-config.ts';

for (const { file, withTls } of edgeFiles) writeFileSync(file, edgeConfig({ withTls }));
copyFileSync(luaFile.of, luaFile.file);
