/**
 * What a control record says. A record without bytes is the end of a bounded input. A tick tells how late it is: the
 * ingest time of its own record. The partition's owner writes either to the log before it takes the next record, and says
 * after which offset of the partition it applies, so that a replay sees it in the same place.
 */
export type Control = { readonly kind: 'endOfInput' } | { readonly kind: 'tick'; readonly afterOffset: number };

/** The bytes of a tick. */
export function encodeTick({ afterOffset }: Extract<Control, { readonly kind: 'tick' }>): Uint8Array {
  return new TextEncoder().encode(`{"kind":"tick","afterOffset":${afterOffset}}`);
}

/**
 * What the bytes of a control record say. Throws when they say nothing that is known: the log's owner alone writes them,
 * so that is damage, or a later version's.
 */
export function decodeControl(bytes: Uint8Array): Control {
  const text = new TextDecoder().decode(bytes);
  if (text === '' || text === '{"kind":"endOfInput"}') return { kind: 'endOfInput' };
  const afterOffset = /^\{"kind":"tick","afterOffset":(-1|\d{1,15})\}$/.exec(text)?.[1];
  if (afterOffset !== undefined) return { kind: 'tick', afterOffset: Number(afterOffset) };
  throw new Error(`got the control record ${text.slice(0, 80)}, expected a tick or the end of the input`);
}
