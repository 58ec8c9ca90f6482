/** What docs/clients.md has of the table and of its recipes. */
import { readFileSync } from 'node:fs';
import { type Row, rows, SCENARIOS, type Scenario } from './rows.ts';
import { PAYLOADS } from './scenarios.ts';

export const page = new URL('../../docs/clients.md', import.meta.url);
const recipes = new URL('recipes/', import.meta.url);
const languages: Readonly<Record<string, string>> = { mjs: 'js', py: 'python', sh: 'sh' };

/** The page as it has to be: between its marks there is what the tests run. */
export function written(text: string): string {
  const table = text.replace(
    /(<!-- table -->\n)[\s\S]*?(<!-- \/table -->)/,
    (_all, begin, end) => begin + tableText() + end,
  );
  return table.replace(
    /(<!-- recipe (\S+) -->\n)[\s\S]*?(<!-- \/recipe -->)/g,
    (_all, begin, name, end) => begin + recipeText(name) + end,
  );
}

function tableText(): string {
  const head = ['client', ...SCENARIOS, 'with'];
  const lines = [head, head.map(() => '---'), ...rows.map(lineOf)];
  return `\n${lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}\n`;
}

function lineOf(row: Row): string[] {
  const places = { node: 'Node', page: 'Chromium', process: '' };
  const where = row.where.map((each) => places[each]).filter(Boolean);
  const name = where.length > 0 ? `${row.name} (${where.join(', ')})` : row.name;
  const [recipe] = row.recipe.split('.') as [string];
  const settings = [`[${recipe}](#${recipe})`, ...(row.query === undefined ? [] : [`\`?${row.query}\``])];
  return [name, ...SCENARIOS.map((scenario) => cellOf(row, scenario)), settings.join(', ')];
}

function cellOf({ bytes, ends = [] }: Row, scenario: Scenario): string {
  if (scenario === 'bytes' && bytes !== undefined) return `**${bytes} of ${PAYLOADS.length}**`;
  return ends.includes(scenario) ? '**ends**' : '✓';
}

/** Without the comment that says what it is for: that is said around it. */
function recipeText(name: string): string {
  const code = readFileSync(new URL(name, recipes), 'utf8')
    .replace(/^(#!.*\n)?(# .*\n|\/\*\*[\s\S]*?\*\/\n|"""[\s\S]*?"""\n)/, '')
    .trim();
  return `\n\`\`\`${languages[name.split('.').at(-1)!]}\n${code}\n\`\`\`\n\n`;
}
