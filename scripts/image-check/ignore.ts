/** `.dockerignore`: which files of the project a build gets to see. The last line that matches a path decides. */

/** @param path Relative to the project, with `/`. */
export type IsSent = (path: string) => boolean;

export function parseIgnore(text: string): IsSent {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const isSent = line.startsWith('!');
      return { isSent, form: formOf(isSent ? line.slice(1) : line) };
    });
  return (path) => rules.findLast(({ form }) => form.test(path))?.isSent ?? true;
}

/** `*` stays within a folder, `**` does not; what names a folder means all that is in it. */
function formOf(pattern: string): RegExp {
  const source = pattern
    .replace(/^\/|\/$/g, '')
    .split('**')
    .map((part) => part.replaceAll(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '[^/]*'))
    .join('.*');
  return new RegExp(`^${source}(/|$)`);
}
