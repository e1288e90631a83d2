import { type UnmappableHeader, unmappableHeader } from '../contract/unmappable-header.ts';

/** A source row that its mapping could not turn into an event: why, where it was meant to go, and the row's own bytes. */
export type Unmappable = UnmappableHeader & { readonly bytes: Uint8Array };

/** Packs an unmappable row for the log: its header as one line of JSON, then the row's bytes as they are. */
export function wrapUnmappable({ topic, sourceRow, message, issues, bytes }: Unmappable): Uint8Array {
  const header = new TextEncoder().encode(`${JSON.stringify({ topic, sourceRow, message, issues })}\n`);
  const wrapped = new Uint8Array(header.length + bytes.length);
  wrapped.set(header);
  wrapped.set(bytes, header.length);
  return wrapped;
}

/** Unpacks what `wrapUnmappable` packed; null when the bytes are something else. The row's bytes are a view, not a copy. */
export function unwrapUnmappable(wrapped: Uint8Array): Unmappable | null {
  const headerEnd = wrapped.indexOf(lineFeed);
  if (headerEnd < 0) return null;
  const header = unmappableHeader.safeParse(parseJson(new TextDecoder().decode(wrapped.subarray(0, headerEnd))));
  return header.success ? { ...header.data, bytes: wrapped.subarray(headerEnd + 1) } : null;
}

const lineFeed = 10;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
