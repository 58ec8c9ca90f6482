/** The protocol, kept by one process that does everything and keeps it in memory. */
import { after, before } from 'node:test';
import { contractEnv, protocolContract } from '../contract/protocol.ts';
import { type ServerProcess, startServer } from '../support/process.ts';

let server: ServerProcess | undefined;
before(async () => {
  server = await startServer({ env: contractEnv });
});
after(() => server?.stop());

protocolContract({ name: 'all in one, in memory', baseUrl: () => server!.url });
