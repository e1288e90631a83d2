import type { Misread } from './read-change.ts';

/** An object of an envelope. */
export type Fields = Readonly<Record<string, unknown>>;

/** Is it an object with fields? */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Does an object have all of these fields? */
export function contains(fields: Fields, names: readonly string[]): boolean {
  return names.every((name) => Object.hasOwn(fields, name));
}

/** The object in a field; null when there is none. */
export function fieldsIn(fields: Fields, name: string): Fields | null {
  const value = fields[name];
  return isFields(value) ? value : null;
}

/** The text in a field; a number is its digits. Null when it is missing, empty, or something else. */
export function textIn(fields: Fields, name: string): string | null {
  const value = fields[name];
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The whole number in a field, also where it is written as text. */
export function wholeIn(fields: Fields, name: string): number | null {
  const value = fields[name];
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) ? Number(number) : null;
}

/** What is wrong with a field; texts of the envelope's own are quoted, never those of a row. */
export function misread(fields: Fields, name: string, expected: string, under = ''): Misread {
  return { path: under === '' ? name : `${under}.${name}`, got: describe(fields[name]), expected };
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return value.length > 40 ? `a text of ${value.length} characters` : `"${value}"`;
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  return 'an object';
}

/** Begins the position of what an initial read saw: of the same time, a change comes after it. */
export const snapshotPosition = '(snapshot)';

/** A position whose numbers all have the same length, so that texts sort as the numbers do. */
export function sortablePosition(...parts: readonly (string | number | null)[]): string {
  return parts.map((part) => String(part ?? 0).replace(/\d+/g, (digits) => digits.padStart(20, '0'))).join('.');
}
