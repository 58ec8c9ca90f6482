/**
 * Finds the fields a schema does not know. The compiled validators ignore those, as a cluster without strict validation
 * does: a misspelt `readinesProbe` is simply no probe.
 *
 * A validator looks at every field its schema names, there or not. So it is given the document behind a proxy that notes
 * what it looks at: what is there and was never looked at is unknown. An object whose keys are listed has them free (labels,
 * the data of a ConfigMap), and so has one that was reached without a look into it.
 */
export type Validate = ((data: unknown) => boolean) & { readonly errors?: readonly ValidationError[] | null };

export interface ValidationError {
  readonly instancePath: string;
  readonly message?: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

interface Look {
  readonly path: string;
  readonly value: object;
  readonly keys: Set<string>;
  isListed: boolean;
}

/** Paths such as `/spec/template/spec/containers/0/imag`. */
export function unknownFields(validate: Validate, document: object): string[] {
  const looks = new Map<object, Look>();
  validate(watched(document, '', looks));
  return [...looks.values()].flatMap(({ path, value, keys, isListed }) =>
    Array.isArray(value) || isListed || keys.size === 0
      ? []
      : Object.keys(value)
          .filter((key) => !keys.has(key))
          .map((key) => `${path}/${key}`),
  );
}

function watched(value: unknown, path: string, looks: Map<object, Look>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const look = looks.get(value) ?? { path, value, keys: new Set<string>(), isListed: false };
  looks.set(value, look);
  return new Proxy(value, {
    get(target, key) {
      const field = Reflect.get(target, key) as unknown;
      if (typeof key !== 'string') return field;
      look.keys.add(key);
      return watched(field, `${path}/${key}`, looks);
    },
    ownKeys(target) {
      look.isListed = true;
      return Reflect.ownKeys(target);
    },
  });
}
