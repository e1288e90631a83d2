import type { z } from 'zod';

/** One thing about a value that breaks its contract. Values of ids and long numbers are never quoted. */
export type Violation = {
  /** A path such as `location.latitude`, empty for the value as a whole. */
  readonly path: string;
  readonly got: string;
  readonly expected: string;
};

/** What breaks a contract: the first ones in full, and how many there are in all. */
export type Violations = { readonly first: readonly Violation[]; readonly count: number };

/** How many violations of one value are listed in full. */
const violationsListedMax = 20;

/** Says what a schema found wrong with a value, in the order of its fields. */
export function violationsOf(error: z.ZodError, value: unknown): Violations {
  const first: Violation[] = [];
  let count = 0;
  for (const issue of error.issues) {
    count += issue.code === 'unrecognized_keys' ? issue.keys.length : 1;
    if (first.length < violationsListedMax) first.push(...violationsOfIssue(issue, value));
  }
  return { first: first.slice(0, violationsListedMax), count };
}

function violationsOfIssue(issue: z.core.$ZodIssue, value: unknown): Violation[] {
  const path = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') {
    return [{ path, got: gotAt(issue, valueAt(value, issue.path)), expected: expectedBy(issue) }];
  }
  const prefix = path === '' ? '' : `${path}.`;
  return issue.keys
    .slice(0, violationsListedMax)
    .map((key) => ({ path: prefix + quotableKey(key), got: 'a field', expected: 'no such field' }));
}

/** A field name may hold anything, so only one that looks like a name is repeated. */
function quotableKey(key: string): string {
  return /^[A-Za-z_]\w{0,39}$/.test(key) && !/\d{6}/.test(key) ? key : `(a name of ${key.length} characters)`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null;
}

function gotAt(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_value' && typeof value === 'string' && /^[A-Za-z]{1,24}$/.test(value))
    return `'${value}'`;
  return typeof value === 'number' && isAboutNumber(issue) ? describeNumber(value) : describe(value);
}

/** True where a number was expected; elsewhere a number may be an id of the wrong type. */
function isAboutNumber(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_type') return issue.expected === 'int' || issue.expected === 'number';
  return issue.code === 'too_small' || issue.code === 'too_big';
}

function describeNumber(value: number): string {
  if (!Number.isFinite(value)) return 'a number too large to hold';
  const text = String(value);
  return text.length <= 9 ? text : 'a number';
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `text of length ${value.length}`;
  if (typeof value === 'number') return 'a number';
  return typeof value === 'boolean' ? String(value) : 'an object';
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames.get(issue.expected) ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `${lengthOf(issue.origin)}at least ${issue.minimum}`;
    case 'too_big':
      return `${lengthOf(issue.origin)}at most ${issue.maximum}`;
    case 'invalid_format':
    case 'custom':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return issue.message;
  }
}

const typeNames: ReadonlyMap<string, string> = new Map([
  ['int', 'a whole number'],
  ['number', 'a number'],
  ['string', 'text'],
  ['boolean', 'true or false'],
  ['object', 'an object'],
  ['array', 'a list'],
]);

function lengthOf(origin: string): string {
  return origin === 'string' || origin === 'array' ? 'a length of ' : '';
}
