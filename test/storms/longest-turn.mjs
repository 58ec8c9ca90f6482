/**
 * Loaded before a server: how long a turn of its event loop took at most, written to `TURNS_FILE` on SIGUSR2, which begins anew.
 *
 * In time of the processor, not of the clock: what other processes do meanwhile on a busy machine is no turn of ours. Of the main
 * thread alone, for a collector that works beside it keeps nobody waiting (proc(5), `schedstat`: nanoseconds on the processor).
 * Of several turns within `TICK_MS` the sum is taken for one.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const TICK_MS = 5;

const usedMs = () => Number.parseInt(readFileSync('/proc/self/schedstat', 'latin1'), 10) / 1e6;
let beforeMs = usedMs();
let longestMs = 0;

setInterval(() => {
  const nowMs = usedMs();
  longestMs = Math.max(longestMs, nowMs - beforeMs);
  beforeMs = nowMs;
}, TICK_MS).unref();

process.on('SIGUSR2', () => {
  writeFileSync(process.env.TURNS_FILE, String(longestMs));
  longestMs = 0;
});
