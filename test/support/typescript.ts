/** How a test starts a TypeScript program in a process of its own: `[...asTypeScript, file]` are Node's arguments. */
const register = new URL('../../scripts/typescript/register.mjs', import.meta.url);

/** Without a path that depends on the folder the process is in. */
export const asTypeScript: readonly string[] = ['--import', register.href];
