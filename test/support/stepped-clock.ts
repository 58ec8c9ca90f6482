/**
 * The wall clock of one Redis, moved while it runs: as when somebody sets the time of its machine. Its monotonic clock, by which
 * its own timers go, stays true.
 *
 * By a library that is loaded before all others. Not libfaketime, whose own start needs the memory allocator, which in Redis
 * needs the clock to start.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SteppedClock {
  /** For the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Seconds from the true time; a Redis sees it at its next look. */
  set(seconds: number): void;
}

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long offset_s(void) {
  static long last = 0;
  char text[32];
  const char *path = getenv("STEPPED_CLOCK_FILE");
  int fd = path ? open(path, O_RDONLY) : -1;
  if (fd < 0) return last;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  // While it is written it is empty.
  if (length > 0) {
    text[length] = 0;
    last = atol(text);
  }
  return last;
}
int gettimeofday(struct timeval *now, void *zone) {
  static int (*next)(struct timeval *, void *) = 0;
  if (!next) next = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
  int result = next(now, zone);
  now->tv_sec += offset_s();
  return result;
}
time_t time(time_t *to) {
  struct timeval now;
  gettimeofday(&now, 0);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
`;

/** @param dir Where its files may be; it goes with them. */
export function createSteppedClock(dir: string): SteppedClock {
  const source = join(dir, 'stepped-clock.c');
  const library = join(dir, 'stepped-clock.so');
  const file = join(dir, 'stepped-clock-s');
  const set = (seconds: number) => writeFileSync(file, String(seconds));
  set(0);
  writeFileSync(source, SOURCE);
  const { status, stderr, error } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cc ${source}: ${error?.message ?? stderr}`);
  return { env: { LD_PRELOAD: library, STEPPED_CLOCK_FILE: file }, set };
}
