/** The protocol, kept by one process that does everything and keeps it in a Redis of its own. */
import { after, before } from 'node:test';
import { contractEnv, protocolContract } from '../contract/protocol.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

let redis: RedisServer | undefined;
let server: ServerProcess | undefined;
before(async () => {
  redis = await startRedis();
  server = await startServer({ env: { ...contractEnv, REDIS_URL: redis.url } });
});
after(async () => {
  await server?.stop();
  await redis?.stop();
});

protocolContract({ name: 'all in one, on Redis', baseUrl: () => server!.url });
