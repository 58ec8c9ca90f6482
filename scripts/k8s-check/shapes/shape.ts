/**
 * Forms of kinds that no package we use has a schema of: what such an object may say, as far as ours say it. A field that is not
 * named here is a mistake, or the shape is to be extended from the documentation of its kind.
 */
import type { Validate, ValidationError } from '../unknown-fields.ts';

export type Shape =
  | 'string'
  | 'integer'
  | 'boolean'
  /** Whatever it is: labels, annotations, a part that another schema knows. */
  | 'anything'
  | RegExp
  | { readonly list: Shape }
  | { readonly fields: Readonly<Record<string, Shape>>; readonly required?: readonly string[] };

/** A fresh one for each object: what it found is kept in `errors`, as the compiled schemas of the packages do. */
export function validatorFor(shape: Shape): Validate {
  const validate = (data: unknown) => {
    const found = [...errorsIn(data, shape, '')];
    Object.assign(validate, { errors: found });
    return found.length === 0;
  };
  return validate;
}

function* errorsIn(value: unknown, shape: Shape, path: string): Generator<ValidationError> {
  if (shape === 'anything') return;
  if (typeof shape === 'string') {
    const isRight = shape === 'integer' ? Number.isInteger(value) : typeof value === shape;
    if (!isRight) yield { instancePath: path, keyword: 'type', params: { type: shape } };
  } else if (shape instanceof RegExp) {
    if (typeof value !== 'string' || !shape.test(value)) {
      yield { instancePath: path, keyword: 'pattern', params: { pattern: shape.source } };
    }
  } else if ('list' in shape) {
    if (!Array.isArray(value)) yield { instancePath: path, keyword: 'type', params: { type: 'array' } };
    else for (const [at, each] of value.entries()) yield* errorsIn(each, shape.list, `${path}/${at}`);
  } else yield* errorsInFields(value, shape, path);
}

function* errorsInFields(
  value: unknown,
  { fields, required = [] }: Extract<Shape, { readonly fields: unknown }>,
  path: string,
): Generator<ValidationError> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    yield { instancePath: path, keyword: 'type', params: { type: 'object' } };
    return;
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) yield { instancePath: path, keyword: 'required', params: { field: name } };
  }
  // Fields that no shape has are not looked at: that is how they are noticed (unknown-fields.ts).
  for (const [name, shape] of Object.entries(fields)) {
    const field = (value as Readonly<Record<string, unknown>>)[name];
    if (field !== undefined) yield* errorsIn(field, shape, `${path}/${name}`);
  }
}
