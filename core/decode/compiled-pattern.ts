/** Bytes from the first to the last, both included. */
export type ByteRange = readonly [first: number, last: number];

/**
 * The bytes that may stand at each place of a text that matches a pattern of fixed length, such as `^[A-Z]{3}$`; null for
 * a pattern that says more than characters, `\d`, lists such as `[A-Za-z_]` and counts such as `{3}`. Flags can only
 * widen such a pattern, so what fits the ranges matches whatever the flags are.
 */
export function byteRangesOf(pattern: string): readonly (readonly ByteRange[])[] | null {
  const body = /^\^(.*)\$$/s.exec(pattern)?.[1];
  if (body === undefined) return null;
  const places: (readonly ByteRange[])[] = [];
  let rest = body;
  while (rest !== '') {
    const [whole, atom, count = '1'] = /^(\\d|\[[A-Za-z\d_-]+\]|[A-Za-z\d_-])(?:\{([1-9]\d?)\})?/.exec(rest) ?? [];
    const ranges = atom === undefined ? null : rangesOf(atom);
    if (whole === undefined || ranges === null) return null;
    for (let index = 0; index < Number(count); index++) places.push(ranges);
    rest = rest.slice(whole.length);
  }
  return places.length > 0 && places.length <= placesMax ? places : null;
}

const placesMax = 64;

function rangesOf(atom: string): readonly ByteRange[] | null {
  if (atom === '\\d') return [[0x30, 0x39]];
  if (!atom.startsWith('[')) return [[atom.charCodeAt(0), atom.charCodeAt(0)]];
  const list = atom.slice(1, -1);
  const parts = list.match(/[A-Za-z\d_]-[A-Za-z\d_]|[A-Za-z\d_]/g) ?? [];
  if (parts.join('') !== list) return null;
  const ranges = parts.map((part): ByteRange => [part.charCodeAt(0), part.charCodeAt(part.length - 1)]);
  return ranges.every(([first, last]) => first <= last) ? ranges : null;
}
