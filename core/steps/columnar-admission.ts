import { type EventColumns, latenesses } from '../decode/event-columns.ts';
import { type ColumnSpace, createColumnSpace, measureLayout } from '../decode/column-space.ts';
import { createIdTable, deleteId, getId, type IdTable, setId } from '../engine/id-table.ts';
import {
  addPage,
  createPageBook,
  createPages,
  dropPages,
  type Pages,
  type PageSegment,
  touch,
  touchRange,
  type Within,
} from '../engine/pages.ts';
import { noWatermarkMs } from '../engine/watermark.ts';

/** What the shell found out about a batch's ids before the core took it; row by row. */
export type KnownRows = {
  /** 1 where the row's id was accepted before the ids that the core remembers. */
  readonly isKnown: Uint8Array;
  /** The first 64 bits of the body hash that was accepted, two words a row. */
  readonly bodyHash: Uint32Array;
  /** 1 where the authorization that the row refers to was accepted before. */
  readonly isTargetKnown: Uint8Array;
};

/** Times of one contract, in milliseconds. */
export type AdmissionTimes = {
  readonly outOfOrdernessMs: number;
  readonly allowedLatenessMs: number;
  readonly maxFutureMs: number;
};

/** What judges a row; one object serves all rows of a contract and a batch. */
export type JudgedBy = {
  readonly times: AdmissionTimes;
  /** The number of the source partition's watermark. */
  readonly input: number;
  readonly known: KnownRows;
};

/** What the engine remembers of accepted ids, in order of arrival, and how far event time has come on each input. */
export type ColumnarAdmission = {
  readonly remembered: IdTable;
  readonly segments: RememberedSegment[];
  readonly pages: Pages;
  /** Remembered are the ids number `[oldest, next)`, counted from the first one ever. */
  oldest: number;
  next: number;
  /** NaN for an input that was never seen. */
  readonly inputMs: Float64Array;
  stateMs: number;
};

type RememberedSegment = {
  /** Six words an id: the id hash, then 64 bits of the body hash. */
  readonly words: Uint32Array;
  readonly forgetAtMs: Float64Array;
  readonly offset: Float64Array;
  readonly page: PageSegment;
};

/** What a checkpoint holds of the state beside the ids. */
export type AdmissionRest = Pick<ColumnarAdmission, 'oldest' | 'next' | 'inputMs' | 'stateMs'>;

/** What admission says of a row, beside `latenesses` for those that it accepts. */
export const verdicts = { ...latenesses, future: 3, duplicate: 4, conflict: 5 } as const;

const segmentBits = 13;
const segmentLength = 2 ** segmentBits;
const slotMask = segmentLength - 1;
const wordsOfId = 6;
const numberMask = 2 ** 30 - 1;

/** The state before the first record, or the one of a checkpoint. */
export function createColumnarAdmission(
  inputCount: number,
  { book, rest }: Within<AdmissionRest> = { book: createPageBook() },
): ColumnarAdmission {
  const pages = createPages(book, measureLayout(layOutIds));
  const state: ColumnarAdmission = {
    remembered: createIdTable(),
    segments: pages.segments.flatMap((page) => (page === undefined ? [] : [segmentOver(page)])),
    pages,
    oldest: rest?.oldest ?? 0,
    next: rest?.next ?? 0,
    inputMs: rest?.inputMs.slice() ?? new Float64Array(inputCount).fill(Number.NaN),
    stateMs: rest?.stateMs ?? noWatermarkMs,
  };
  for (let number = state.oldest; number < state.next; number++) {
    setId(state.remembered, segmentOf(state, number).words, (number & slotMask) * wordsOfId, number & numberMask);
  }
  return state;
}

/** What a checkpoint holds of the state beside the ids. */
export function restOfAdmission({ oldest, next, inputMs, stateMs }: ColumnarAdmission): AdmissionRest {
  return { oldest, next, inputMs: inputMs.slice(), stateMs };
}

/**
 * Judges a row as `admit` does, and remembers its id when it accepts it. The watermark that judged goes to
 * `arrivalWatermarkMs`.
 */
export function admitRow(
  state: ColumnarAdmission,
  columns: EventColumns,
  row: number,
  { times, input, known }: JudgedBy,
): number {
  const eventTimeMs = columns.eventTimeMs[row]!;
  if (eventTimeMs - columns.ingestTimeMs[row]! > times.maxFutureMs) return verdicts.future;
  const { idHash, bodyHash } = columns;
  const value = getId(state.remembered, idHash, row * 4);
  if (value >= 0) {
    const { words } = segmentOf(state, numberOf(state, value));
    return compareBodies(bodyHash, row * 8, words, (value & slotMask) * wordsOfId + 4);
  }
  if (known.isKnown[row] === 1) return compareBodies(bodyHash, row * 8, known.bodyHash, row * 2);
  remember(state, columns, row, eventTimeMs + times.allowedLatenessMs);
  const inputMs = state.inputMs[input]!;
  const watermarkMs = inputMs > state.stateMs ? inputMs : state.stateMs;
  columns.arrivalWatermarkMs[row] = watermarkMs;
  if (watermarkMs === noWatermarkMs || eventTimeMs > watermarkMs) return verdicts.onTime;
  return eventTimeMs > watermarkMs - times.allowedLatenessMs ? verdicts.late : verdicts.tooLate;
}

/** Moves an input's watermark up by an accepted event, and the state's with the slowest input that was seen. */
export function advanceInput(state: ColumnarAdmission, input: number, watermarkMs: number): void {
  const { inputMs } = state;
  if (watermarkMs <= inputMs[input]!) return;
  inputMs[input] = watermarkMs;
  let minimumMs = Infinity;
  for (const ms of inputMs) if (ms < minimumMs) minimumMs = ms;
  if (minimumMs > state.stateMs) state.stateMs = minimumMs;
}

/** The end of a bounded input. */
export function endColumnarInputs(state: ColumnarAdmission): void {
  for (let input = 0; input < state.inputMs.length; input++) {
    if (!Number.isNaN(state.inputMs[input])) state.inputMs[input] = Infinity;
  }
  state.stateMs = Infinity;
}

/** True when the engine itself remembers an id. */
export function isRemembered(state: ColumnarAdmission, words: Uint32Array, at: number): boolean {
  return getId(state.remembered, words, at) >= 0;
}

/**
 * Forgets the oldest ids whose copies would be too late, up to those of records before `beforeOffset`: the shell answers
 * for them. When exactly an id is forgotten changes no result.
 */
export function forgetRemembered(state: ColumnarAdmission, beforeOffset: number): void {
  while (state.oldest < state.next) {
    const segment = segmentOf(state, state.oldest);
    const slot = state.oldest & slotMask;
    if (segment.forgetAtMs[slot]! > state.stateMs || segment.offset[slot]! >= beforeOffset) return;
    deleteId(state.remembered, segment.words, slot * wordsOfId);
    state.oldest++;
    if (state.oldest % segmentLength !== 0) continue;
    state.segments.shift();
    dropPages(state.pages, 1);
  }
}

function compareBodies(body: Uint32Array, at: number, first: Uint32Array, firstAt: number): number {
  const isSame = body[at] === first[firstAt] && body[at + 1] === first[firstAt + 1];
  return isSame ? verdicts.duplicate : verdicts.conflict;
}

function remember(state: ColumnarAdmission, columns: EventColumns, row: number, forgetAtMs: number): void {
  const number = takeNumber(state);
  const segment = state.segments.at(-1)!;
  const slot = number & slotMask;
  const { idHash, bodyHash } = columns;
  const at = slot * wordsOfId;
  touchRange(segment.page, at * 4, (at + wordsOfId) * 4);
  touch(segment.page, segment.forgetAtMs.byteOffset + slot * 8);
  touch(segment.page, segment.offset.byteOffset + slot * 8);
  for (let word = 0; word < 4; word++) segment.words[at + word] = idHash[row * 4 + word]!;
  segment.words[at + 4] = bodyHash[row * 8]!;
  segment.words[at + 5] = bodyHash[row * 8 + 1]!;
  segment.forgetAtMs[slot] = forgetAtMs;
  segment.offset[slot] = columns.firstOffset[0]! + row;
  setId(state.remembered, segment.words, at, number & numberMask);
}

/** The number of the next id, for which the last segment has a slot. */
function takeNumber(state: ColumnarAdmission): number {
  const number = state.next++;
  if (number % segmentLength === 0) state.segments.push(segmentOver(addPage(state.pages)));
  return number;
}

function segmentOver(page: PageSegment): RememberedSegment {
  return { ...layOutIds(createColumnSpace(page.buffer)), page };
}

function layOutIds(space: ColumnSpace): Omit<RememberedSegment, 'page'> {
  return {
    words: space.uint32(segmentLength * wordsOfId),
    forgetAtMs: space.float64(segmentLength),
    offset: space.float64(segmentLength),
  };
}

function segmentOf(state: ColumnarAdmission, index: number): RememberedSegment {
  const first = Math.floor(state.oldest / segmentLength);
  return state.segments[Math.floor(index / segmentLength) - first]!;
}

/** The table holds numbers modulo 2^30: far more than are remembered at once. */
function numberOf(state: ColumnarAdmission, value: number): number {
  return state.oldest + ((value - state.oldest) & numberMask);
}
