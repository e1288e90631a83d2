import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { type EventColumns, layOutEvents } from '../../core/decode/event-columns.ts';
import {
  admit,
  advanceByEvent,
  advanceToEnd,
  type AdmissionState,
  type Candidate,
  createAdmissionState,
} from '../../core/engine/admission.ts';
import { createWatermarks, type Watermarks } from '../../core/engine/watermark.ts';
import {
  type AdmissionRest,
  admitRow,
  advanceInput,
  type ColumnarAdmission,
  createColumnarAdmission,
  endColumnarInputs,
  forgetRemembered,
  isRemembered,
  type KnownRows,
  restOfAdmission,
  verdicts,
} from '../../core/steps/columnar-admission.ts';
import { KeptPages } from '../engine/kept-pages.ts';

const times = { outOfOrdernessMs: 3, allowedLatenessMs: 10, maxFutureMs: 20 };
const inputs = ['a', 'b', 'c'];

/** One record, or what happens between two of them. */
type Step =
  | {
      readonly kind: 'event';
      readonly id: number;
      readonly body: number;
      readonly timeMs: number;
      readonly input: number;
    }
  | { readonly kind: 'forget'; readonly before: number }
  | { readonly kind: 'restart' | 'end' };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('event' as const),
      id: fc.nat(25),
      body: fc.nat(1),
      timeMs: fc.nat(60),
      input: fc.nat(inputs.length - 1),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('forget' as const), before: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'end' as const) }) },
);

type Twins = {
  readonly slow: AdmissionState;
  readonly watermarks: Watermarks;
  fast: ColumnarAdmission;
  readonly kept: KeptPages;
  readonly columns: EventColumns;
  /** What a shell knows: every id that was accepted, with its body. */
  readonly known: Map<number, number>;
};

const rowsMax = 80;
const ingestTimeMs = 35;

function createTwins(): Twins {
  const size = { layout: { numbers: [], texts: [] }, rowsMax, textBytesMax: 0 };
  const bytes = measureLayout((space) => layOutEvents(space, size));
  return {
    slow: createAdmissionState(),
    watermarks: createWatermarks(),
    fast: createColumnarAdmission(inputs.length),
    kept: new KeptPages(),
    columns: layOutEvents(createColumnSpace(new ArrayBuffer(bytes)), size),
    known: new Map(),
  };
}

/** The words of a small number as a hash has them, high bits set. */
function wordsOf(number: number, count: number): number[] {
  return Array.from({ length: count }, (_, word) => Math.imul(number + 1, 0x9e3779b1 + word * 2) >>> 0);
}

function hexOf(words: readonly number[]): string {
  return words.map((word) => word.toString(16).padStart(8, '0')).join('');
}

function knownOf({ known, fast, columns }: Twins, row: number, id: number): KnownRows {
  const rows: KnownRows = {
    isKnown: new Uint8Array(rowsMax),
    bodyHash: new Uint32Array(rowsMax * 2),
    isTargetKnown: new Uint8Array(rowsMax),
  };
  const body = known.get(id);
  // As a shell does: what the core remembers needs no look.
  if (body === undefined || isRemembered(fast, columns.idHash, row * 4)) return rows;
  rows.isKnown[row] = 1;
  rows.bodyHash.set(wordsOf(body, 2), row * 2);
  return rows;
}

/** Takes one event into both; what each says of it, in the words of the readable one. */
function takeEvent(twins: Twins, row: number, { id, body, timeMs, input }: Extract<Step, { kind: 'event' }>) {
  const { slow, watermarks, fast, columns, known } = twins;
  const candidate: Candidate = {
    ...times,
    input: inputs[input]!,
    idHash: hexOf(wordsOf(id, 4)),
    bodyHash: hexOf(wordsOf(body, 8)),
    eventTimeMs: timeMs,
    ingestTimeMs,
  };
  columns.eventTimeMs[row] = timeMs;
  columns.ingestTimeMs[row] = ingestTimeMs;
  columns.idHash.set(wordsOf(id, 4), row * 4);
  columns.bodyHash.set(wordsOf(body, 8), row * 8);
  const verdict = admitRow(fast, columns, row, { times, input, known: knownOf(twins, row, id) });
  const admission = admit(slow, watermarks, candidate, undefined);
  const isAccepted = verdict <= verdicts.tooLate;
  if (isAccepted) {
    known.set(id, body);
    advanceInput(fast, input, timeMs - times.outOfOrdernessMs);
  }
  const watermarkMs = 'watermarkMs' in admission ? admission.watermarkMs : null;
  if (watermarkMs !== null) advanceByEvent(watermarks, candidate);
  return {
    said: { verdict: nameOf(verdict), watermarkMs: isAccepted ? columns.arrivalWatermarkMs[row] : null },
    expected: { verdict: admission.kind, watermarkMs },
  };
}

function nameOf(verdict: number): string | undefined {
  return Object.entries(verdicts).find(([, number]) => number === verdict)?.[0];
}

/** The state by what was written since the last restart, over what that one had. */
function restart({ fast, kept }: Twins): ColumnarAdmission {
  kept.begin(fast.pages.book, 'changed');
  kept.finish();
  const rest: AdmissionRest = deserialize(serialize(restOfAdmission(fast)));
  return createColumnarAdmission(fast.inputMs.length, { book: kept.restore(), rest });
}

function takeOther(twins: Twins, step: Exclude<Step, { kind: 'event' }>): void {
  if (step.kind === 'forget') forgetRemembered(twins.fast, step.before);
  else if (step.kind === 'restart') twins.fast = restart(twins);
  else {
    endColumnarInputs(twins.fast);
    advanceToEnd(twins.watermarks);
  }
}

test('verdicts and watermarks are those of the readable twin, whenever ids are forgotten and the state is saved', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: rowsMax, size: 'max' }), (steps) => {
      const twins = createTwins();
      for (const [row, step] of steps.entries()) {
        if (step.kind === 'event') {
          const { said, expected } = takeEvent(twins, row, step);
          expect(said).toEqual(expected);
          seen.set(expected.verdict, (seen.get(expected.verdict) ?? 0) + 1);
        } else {
          const before = twins.fast.remembered.size;
          takeOther(twins, step);
          seen.set('forgotten', (seen.get('forgotten') ?? 0) + before - twins.fast.remembered.size);
        }
        expect(twins.fast.stateMs).toBe(twins.watermarks.stateMs);
      }
    }),
    { numRuns: 300 },
  );
  for (const name of [...Object.keys(verdicts), 'forgotten']) {
    expect([name, (seen.get(name) ?? 0) > 20]).toEqual([name, true]);
  }
});

test('an id is forgotten when copies of it are too late and its record is before the offset, and not earlier', () => {
  const twins = createTwins();
  const event = { kind: 'event', body: 0, input: 0 } as const;
  takeEvent(twins, 0, { ...event, id: 1, timeMs: 0 });
  takeEvent(twins, 1, { ...event, id: 2, timeMs: 12 });
  const sizeAfter = (beforeOffset: number): number => {
    forgetRemembered(twins.fast, beforeOffset);
    return twins.fast.remembered.size;
  };
  expect(sizeAfter(Infinity)).toBe(2);
  takeEvent(twins, 2, { ...event, id: 3, timeMs: 13 });
  expect(sizeAfter(0)).toBe(3);
  expect(sizeAfter(1)).toBe(2);
  expect(sizeAfter(Infinity)).toBe(2);
});

test('ids are remembered and forgotten over many segments', () => {
  const twins = createTwins();
  const { columns } = twins;
  const count = 20_000;
  for (let id = 0; id < count; id += 1) {
    columns.firstOffset[0] = id;
    takeEvent(twins, 0, { kind: 'event', id, body: 0, timeMs: Math.floor(id / 1000), input: 0 });
  }
  forgetRemembered(twins.fast, Infinity);
  // The watermark is at 16, so that ids of times up to 6 are forgotten.
  expect(twins.fast.remembered.size).toBe(count - 7000);
  const again = restart(twins);
  for (const [id, isThere] of [[6999, false] as const, [7000, true] as const, [19_999, true] as const]) {
    const words = Uint32Array.from(wordsOf(id, 4));
    expect([id, isRemembered(twins.fast, words, 0), isRemembered(again, words, 0)]).toEqual([id, isThere, isThere]);
  }
  twins.fast = again;
  const copy = { kind: 'event', id: 15_000, timeMs: 15, input: 0 } as const;
  expect(takeEvent(twins, 0, { ...copy, body: 0 }).said.verdict).toBe('duplicate');
  expect(takeEvent(twins, 0, { ...copy, body: 1 }).said.verdict).toBe('conflict');
});
