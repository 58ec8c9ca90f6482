/** The Postgres of a lab, behind the archive of its fleet: faults may crash it, stop it or cut its connections. */

import type { Inspection } from '../../../src/archive/inspection.ts';
import { inspectPostgres } from '../../../src/archive/postgres/inspection.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';

export interface LabPostgres {
  readonly server: PostgresServer;
  /** For the roles that need it. */
  readonly env: Readonly<Record<string, string>>;
  inspect(): Inspection;
}

export async function startLabPostgres(): Promise<LabPostgres> {
  const server = await startPostgres({ fsync: true });
  const schema = server.newSchema();
  return {
    server,
    env: { DATABASE_URL: server.url, ARCHIVE_SCHEMA: schema, ARCHIVE_MIGRATE: '1' },
    inspect: () => inspectPostgres({ url: server.url, schema }),
  };
}
