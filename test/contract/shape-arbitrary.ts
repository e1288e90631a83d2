import fc from 'fast-check';
import type { FieldShape } from '../../core/contract/shape.ts';

type Fields = Readonly<Record<string, FieldShape>>;

/** Events that have the fields of a shape, most of them within its contract: named checks are left to who asks. */
export function arbitraryOfFields(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  const required = Object.keys(fields).filter((name) => fields[name]?.required === true);
  const model = Object.fromEntries(Object.entries(fields).map(([name, shape]) => [name, arbitraryOf(shape)]));
  return fc.record(model, { requiredKeys: required, noNullPrototype: true });
}

function arbitraryOf(shape: FieldShape): fc.Arbitrary<unknown> {
  const value = shape.values === undefined ? arbitraryOfType(shape) : fc.constantFrom(...shape.values);
  return shape.nullable
    ? fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 3, arbitrary: value })
    : value;
}

function arbitraryOfType(shape: FieldShape): fc.Arbitrary<unknown> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength = 0, maxLength } = shape.bounds ?? {};
  switch (shape.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer': {
      const least = minimum ?? (exclusiveMinimum === undefined ? Number.MIN_SAFE_INTEGER : exclusiveMinimum + 1);
      const most = maximum ?? (exclusiveMaximum === undefined ? Number.MAX_SAFE_INTEGER : exclusiveMaximum - 1);
      return fc.integer({ min: least, max: most });
    }
    case 'number':
      return fc
        .double({ noNaN: true, noDefaultInfinity: true, min: minimum ?? -1e300, max: maximum ?? 1e300 })
        .map((number) => number + 0);
    case 'string':
      if (shape.pattern !== undefined && minLength === 0) return fc.stringMatching(new RegExp(shape.pattern, 'u'));
      return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength ?? 20, 20) });
    case 'object':
      return arbitraryOfFields(shape.fields ?? {});
    case 'array':
      return shape.items === undefined ? fc.constant([]) : fc.array(arbitraryOf(shape.items), { maxLength: 4 });
  }
}
