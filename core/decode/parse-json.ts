import type { Refusal, RefusalCode } from './refusal.ts';

/** The largest event that is read. */
const eventSizeBytesMax = 65_536;

/** How deep objects and lists of an event may be nested. */
const eventDepthMax = 32;

/** A JSON value, or why the bytes are none that is accepted. */
export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly refusal: Refusal };

/** How bytes are parsed: `exact` keeps a number that a double cannot hold as its text. */
export type ParseOptions = { readonly sizeBytesMax?: number; readonly numbers?: 'double' | 'exact' };

/**
 * Parses bytes as UTF-8 JSON within the limits of size and depth and without keys that could reach an object's
 * prototype. Refusals never quote the text.
 */
export function parseJson(
  bytes: Uint8Array,
  { sizeBytesMax = eventSizeBytesMax, numbers = 'double' }: ParseOptions = {},
): ParsedJson {
  if (bytes.length > sizeBytesMax) {
    return refused('tooLarge', `got ${bytes.length} bytes, expected at most ${sizeBytesMax}`);
  }
  const text = decodeUtf8(bytes);
  if (text === null) return refused('notUtf8', `got ${bytes.length} bytes that are not UTF-8, expected JSON as UTF-8`);
  if (isTooDeep(bytes)) {
    return refused('tooDeep', `got objects or lists nested deeper than ${eventDepthMax}, expected at most that`);
  }
  const parsed = parse(text, numbers === 'exact' && mayHoldLongNumber.test(text) ? keepLongNumber : undefined);
  if (!parsed.ok) return refused('notJson', `got ${bytes.length} bytes ${parsed.reason}, expected one JSON object`);
  if (mayHoldForbiddenKey.test(text) && holdsForbiddenKey(parsed.value)) {
    return refused('forbiddenKey', 'got a key __proto__, constructor or prototype, expected the fields of a contract');
  }
  return parsed;
}

function refused(code: RefusalCode, message: string): ParsedJson {
  return { ok: false, refusal: { code, message, issues: [] } };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Counts open brackets outside of strings; in UTF-8 no byte of a longer character looks like one of these. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (isInString) {
      if (byte === backslash) index += 1;
      else if (byte === quote) isInString = false;
    } else if (byte === quote) isInString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > eventDepthMax) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return false;
}

type Attempt = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

/** A double holds any decimal of this many digits. */
const exactDigitsMax = 15;
const mayHoldLongNumber = /[\d.]{16}|\d[eE]/;

type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

function keepLongNumber(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source ?? '';
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const digits = source.replace(/[eE].*$/, '').replace(/^-?0*\.?0*|\./g, '');
  return digits.length > exactDigitsMax || !Number.isFinite(value) ? source : value;
}

function parse(text: string, revive: Reviver | undefined): Attempt {
  try {
    return { ok: true, value: revive === undefined ? JSON.parse(text) : JSON.parse(text, revive) };
  } catch (error) {
    const isCut = error instanceof SyntaxError && /^(Unexpected end|Unterminated string)/.test(error.message);
    return { ok: false, reason: isCut ? 'of JSON that ends too early' : 'that are not JSON' };
  }
}

/** An escape can spell a forbidden key, so a text with one is looked through as well. */
const mayHoldForbiddenKey = /__proto__|constructor|prototype|\\u/;

function holdsForbiddenKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsForbiddenKey);
  return Object.entries(value).some(
    ([key, inner]) => key === '__proto__' || key === 'constructor' || key === 'prototype' || holdsForbiddenKey(inner),
  );
}
