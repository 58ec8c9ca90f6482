/** A Postgres database, as the archive uses it: few connections, each statement for a few seconds at most, in one schema. */
import pg from 'pg';
import { ArchiveUnavailable } from '../../errors.ts';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`; what it says of TLS holds. */
  readonly url: string;
  /** All tables are in it. */
  readonly schema: string;
  /** Default 4. */
  readonly maxConnections?: number;
  /** Default 5,000. */
  readonly statementTimeoutMs?: number | undefined;
}

export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

export interface Database {
  readonly schema: string;
  query: Query;
  /** What it does is committed when it resolves, and rolled back when it throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 2_000;
/** What a connection that went without a word may keep us waiting for, beyond the time of the statement. */
const NETWORK_MS = 1_000;

/** Offsets and numbers of rows are safe integers. */
const BIGINT = 20;

export function openDatabase({
  url,
  schema,
  maxConnections = 4,
  statementTimeoutMs = 5_000,
}: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + NETWORK_MS,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    application_name: 'smallchange',
    options: `-c search_path=${schema}`,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === BIGINT ? Number : pg.types.getTypeParser(oid, format)) },
  });
  // An idle connection that is lost: the next statement has another one.
  pool.on('error', () => {});

  const queryOn =
    (client: Pick<pg.ClientBase, 'query'>): Query =>
    async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(text, [...values])).rows;

  async function connected<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      // What it was in the middle of is unknown: another one takes its place.
      client.release(true);
      throw error;
    }
  }

  return {
    schema,
    query: <Row extends object>(text: string, values?: readonly unknown[]) =>
      connected((client) => queryOn(client)<Row>(text, values)).catch(unavailable),
    transaction: (work) =>
      connected(async (client) => {
        const query = queryOn(client);
        await query('BEGIN');
        const result = await work(query);
        await query('COMMIT');
        return result;
      }).catch(unavailable),
    close: () => pool.end(),
  };
}

/** Whatever it was, the caller can only try again: what a database says is kept for the operator's log. */
function unavailable(error: unknown): never {
  if (error instanceof ArchiveUnavailable) throw error;
  const { message } = error as Error;
  throw new ArchiveUnavailable(`the archive does not answer: ${message}`, { cause: error });
}
