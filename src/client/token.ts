/**
 * The token: asked for once, kept until the server says that it expires or refuses it. The clock of the device is not asked: one that is
 * ahead would have it renewed without end.
 */
export interface Tokens {
  readonly isUsed: boolean;
  /** @throws what the app's `token()` throws. */
  headers(): Promise<Record<string, string>>;
  /** Asks for another; what there is stays in use until it is there. @throws as `headers`. */
  refresh(): Promise<void>;
  /** The last one was refused. @returns Whether there may be another. */
  renew(): boolean;
  /** What is in use. */
  current(): string | undefined;
}

export function createTokens(ask: (() => string | Promise<string>) | undefined): Tokens {
  let current: string | undefined;
  let asked: Promise<void> | undefined;

  async function fresh(): Promise<void> {
    current = await ask!();
  }

  function refresh(): Promise<void> {
    asked ??= fresh().finally(() => {
      asked = undefined;
    });
    return asked;
  }

  return {
    isUsed: ask !== undefined,
    async headers() {
      if (!ask) return {};
      if (!current) await refresh();
      return { authorization: `Bearer ${current}` };
    },
    refresh,
    renew() {
      current = undefined;
      return ask !== undefined;
    },
    current: () => current,
  };
}
