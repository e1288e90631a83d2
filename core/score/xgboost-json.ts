import { WeirError } from '../contract/failure.ts';

/** The refusal of a model file: where, what came and what was expected. */
export function modelError({ path, got, expected }: { path: string; got: string; expected: string }): WeirError {
  return new WeirError({
    code: 'MODEL_INVALID',
    message: `got ${got} at ${path} of the model, expected ${expected}`,
    fix: "Save the model with booster.save_model('model.json'), XGBoost 2 or later.",
    facts: { path },
  });
}

/** Reads an object; throws MODEL_INVALID for anything else. */
export function readObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw modelError({ path, got: describe(value), expected: 'an object' });
}

/** Reads an array of anything; throws MODEL_INVALID for anything else. */
export function readArray(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw modelError({ path, got: describe(value), expected: 'an array' });
}

/** Reads an array of finite numbers, of the given length if there is one; throws MODEL_INVALID for anything else. */
export function readNumbers(value: unknown, { path, length }: { path: string; length?: number }): readonly number[] {
  const items = readArray(value, path);
  if (length !== undefined && items.length !== length) {
    throw modelError({ path, got: `${items.length} numbers`, expected: `${length}` });
  }
  const numbers: number[] = [];
  for (const [index, item] of items.entries()) {
    if (typeof item !== 'number' || !Number.isFinite(item)) {
      throw modelError({ path: `${path}.${index}`, got: describe(item), expected: 'a finite number' });
    }
    numbers.push(item);
  }
  return numbers;
}

/** Reads an array of distinct texts that are not empty; throws MODEL_INVALID for anything else. */
export function readNames(value: unknown, path: string): readonly string[] {
  const names: string[] = [];
  for (const [index, item] of readArray(value, path).entries()) {
    if (typeof item !== 'string' || item === '' || names.includes(item)) {
      throw modelError({ path: `${path}.${index}`, got: describe(item), expected: 'a name that is not there twice' });
    }
    names.push(item);
  }
  return names;
}

/** Throws MODEL_INVALID unless the value is the text that the scorer supports. */
export function requireText(value: unknown, { path, expected }: { path: string; expected: string }): void {
  if (value !== expected) throw modelError({ path, got: describe(value), expected: `"${expected}"` });
}

/** What came, in a word or two. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isObject(value)) return 'an object';
  return JSON.stringify(value).slice(0, 60);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
