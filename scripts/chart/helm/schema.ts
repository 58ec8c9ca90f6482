/** JSON Schema, as much of it as values.schema.json uses. @throws for a keyword that is not known here: it would go unchecked. */
interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
}

const known = [
  ...['$schema', '$ref', '$defs', 'title', 'description', 'type', 'properties', 'additionalProperties'],
  ...['items', 'enum', 'pattern', 'minimum'],
];

/** One line for each thing that is wrong, with its path. */
export function schemaErrors(root: Schema, value: unknown): string[] {
  return [...errors(root, value, '')];

  function* errors(given: Schema, data: unknown, path: string): Generator<string> {
    const schema = given.$ref === undefined ? given : root.$defs![given.$ref.replace('#/$defs/', '')]!;
    const strange = Object.keys(schema).find((key) => !known.includes(key));
    if (strange !== undefined) throw new Error(`values.schema.json: ${strange} is not understood`);
    const { type, properties = {}, additionalProperties, items, enum: choices, pattern, minimum } = schema;
    if (type !== undefined && ![type].flat().some((each) => isOf(each, data))) {
      yield `${path}: must be ${[type].flat().join(' or ')}`;
      return;
    }
    if (choices && !choices.includes(data)) yield `${path}: must be one of ${choices.join(', ')}`;
    if (pattern && typeof data === 'string' && !new RegExp(pattern).test(data)) yield `${path}: must match ${pattern}`;
    if (minimum !== undefined && typeof data === 'number' && data < minimum) yield `${path}: at least ${minimum}`;
    if (Array.isArray(data)) {
      for (const [at, each] of data.entries()) if (items) yield* errors(items, each, `${path}[${at}]`);
    } else if (typeof data === 'object' && data !== null) {
      for (const [key, each] of Object.entries(data)) {
        const rule = properties[key] ?? additionalProperties;
        if (rule === false) yield `${path}.${key}: is not a value there is`;
        else if (typeof rule === 'object') yield* errors(rule, each, `${path}.${key}`);
      }
    }
  }
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
