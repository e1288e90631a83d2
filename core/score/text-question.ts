import type { EventColumns } from '../decode/event-columns.ts';
import { type Interner, textOf } from '../decode/interner.ts';
import type { Predicate } from './rules.ts';

/** A test of a text with the answers that were given before, by the text's interned id. Code, not state. */
export type TextQuestion = {
  readonly holds: Predicate;
  readonly interner: Interner;
  readonly ofMissing: boolean;
  /** 65,536 ids a page: 0 not asked yet, 1 no, 2 yes. */
  readonly pages: Uint8Array[];
};

/** A question without answers. */
export function createQuestion(holds: Predicate, interner: Interner): TextQuestion {
  return { holds, interner, ofMissing: holds(null), pages: [] };
}

/** True when the text of an id passes the test; -1 is a missing text. */
export function answerText(question: TextQuestion, id: number): boolean {
  if (id < 0) return question.ofMissing;
  const { pages, holds, interner } = question;
  const number = id >>> pageBits;
  while (pages.length <= number) pages.push(new Uint8Array(2 ** pageBits));
  const page = pages[number]!;
  const place = id & (2 ** pageBits - 1);
  if (page[place] === 0) page[place] = holds(textOf(interner, id)) ? 2 : 1;
  return page[place] === 2;
}

/** True when the event's own id, which is not interned, passes the test. */
export function answerEventId({ holds }: TextQuestion, columns: EventColumns, row: number): boolean {
  return holds(eventIdOf(columns, row));
}

/** The event's own id. */
export function eventIdOf({ text, eventIdStart, eventIdEnd }: EventColumns, row: number): string {
  const start = eventIdStart[row]!;
  const end = eventIdEnd[row]!;
  let id = '';
  for (let at = start; at < end; at++) {
    const byte = text[at]!;
    // A decoder does not read shared memory, so the bytes are copied out of it.
    if (byte >= 0x80) return utf8.decode(Uint8Array.from(text.subarray(start, end)));
    id += String.fromCharCode(byte);
  }
  return id;
}

const pageBits = 16;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
