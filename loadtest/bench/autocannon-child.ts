/** autocannon in a process of its own: the load as its argument, the result as its last line. */
import autocannon from 'autocannon';
import type { Load, LoadResult } from './generator.ts';

const { port, connections, seconds, channels, path, headers } = JSON.parse(process.argv[2]!) as Load;
let n = 0;
const startedMs = performance.now();
const result = await autocannon({
  url: `http://127.0.0.1:${port}`,
  connections,
  duration: seconds,
  ...(headers && { headers }),
  requests: [
    {
      method: 'POST',
      body: 'x',
      setupRequest: (request) => ({ ...request, path: path.replace('{channel}', `room${n++ % channels}`) }),
    },
  ],
});
const { user, system } = process.cpuUsage();
const answer: LoadResult = {
  generator: 'autocannon',
  requestsPerS: result.requests.total / result.duration,
  p50Ms: result.latency.p50,
  p99Ms: result.latency.p99,
  errors: result.errors + result.timeouts + result.non2xx,
  cpuShare: (user + system) / 1000 / (performance.now() - startedMs),
};
console.log(JSON.stringify(answer));
