/** `npm run k8s:edge`: writes the two configurations of the edge, without and with TLS, where kustomize finds them. */
import { writeFileSync } from 'node:fs';
import { edgeConfig, edgeFiles } from './edge-config.ts';

for (const { file, withTls } of edgeFiles) writeFileSync(file, edgeConfig({ withTls }));
