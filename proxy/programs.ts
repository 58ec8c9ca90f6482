/** The programs that an edge is made of, and the Debian packages that bring them. */
import { spawnSync } from 'node:child_process';

const packages = { haproxy: 'haproxy', nginx: 'nginx', openssl: 'openssl', 'redis-server': 'redis-server' } as const;

/** @throws with a sentence that names the package, when it is not on the PATH. */
export function needProgram(name: keyof typeof packages): void {
  // Whatever it answers, it is there.
  if (spawnSync(name, ['-v'], { stdio: 'ignore' }).error) {
    throw new Error(`${name} is not on the PATH: apt-get install ${packages[name]}`);
  }
}
