/** A disk that is slow to say that something is there: `fsync` and `fdatasync` of a process wait as long as a file tells. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void wait_as_told(void) {
  const char *path = getenv("FSYNC_DELAY_FILE");
  FILE *file = path ? fopen(path, "r") : NULL;
  long ms = 0;
  if (!file) return;
  if (fscanf(file, "%ld", &ms) != 1) ms = 0;
  fclose(file);
  for (; ms > 0; ms -= 100) usleep(ms > 100 ? 100000 : ms * 1000);
}
int fdatasync(int fd) { wait_as_told(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
int fsync(int fd) { wait_as_told(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
`;

/**
 * @param dir For what is compiled.
 * @param file Has the milliseconds, 0 at first.
 * @returns What the process has to be started with.
 */
export function slowFsync(dir: string, file: string): Readonly<Record<'LD_PRELOAD' | 'FSYNC_DELAY_FILE', string>> {
  const source = join(dir, 'slow-fsync.c');
  const library = join(dir, 'slow-fsync.so');
  writeFileSync(source, SHIM);
  writeFileSync(file, '0');
  const { status, stderr, error } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  if (status !== 0) throw new Error(`cc: ${error?.message ?? stderr}`);
  return { LD_PRELOAD: library, FSYNC_DELAY_FILE: file };
}
