/** Waits for an archive to have what its fleet has made so far. */
import { request } from '../../support/http.ts';
import { waitFor } from '../../support/wait.ts';
import type { Lab } from '../lab.ts';
import { parseCursor } from '../model.ts';

export async function untilArchived({ postgres, receiveUrl }: Lab, channels: readonly string[]): Promise<void> {
  const inspection = postgres!.inspect();
  for (const channel of channels) {
    const { cursor } = (await request(receiveUrl, `/c/${channel}/state`)).json<{ cursor: string }>();
    const [head] = parseCursor(cursor).offsets;
    const isThere = async () => {
      const logs = await inspection.logs(channel, '0', 1_000);
      return logs.some((log) => log.isCurrent && log.head === head);
    };
    await waitFor(isThere, { what: `${channel} to be archived up to ${head}` });
  }
  await inspection.close();
}
