import { createByteReader, type ByteReader } from '../engine/byte-reader.ts';
import { createByteWriter, type ByteWriter } from '../engine/byte-writer.ts';
import type { Watermarks } from '../engine/watermark.ts';
import { packAccountEvents, unpackAccountEvents } from '../features/pack-account.ts';
import { packAccountLedger, unpackAccountLedger } from '../sinks/pack-account-ledger.ts';
import type { BaselineState } from '../score/baseline.ts';
import { hashPlan } from '../features/plan.ts';
import { WeirError } from '../contract/failure.ts';
import type { AdmissionState } from '../engine/admission.ts';
import type { KeyedState } from './keyed-state.ts';
import { createState, type Weir } from './state.ts';

/** The number of the layout; a reader refuses another one. */
const layout = 1;
const bodyHashCharacters = 16;

/** The bytes of an account's state, without what no event can ask for any more. */
export function packKeyed(weir: Weir, { state, chainHash, appliedOffset }: KeyedState): Uint8Array {
  const writer = createByteWriter();
  writer.natural(layout);
  writer.hex(planMark(weir));
  writer.natural(appliedOffset + 1);
  writer.hex(chainHash);
  packIds(writer, state.admission, state.watermarks.stateMs);
  packBaselines(writer, state.baselines);
  packAccountEvents(writer, weir.features, { state: state.features, watermarkMs: state.watermarks.stateMs });
  packAccountLedger(writer, state.ledger);
  return writer.bytes();
}

/** The account again: every result from here on is the same. Throws `STATE_OF_ANOTHER_DEFINITION`. */
export function unpackKeyed(weir: Weir, watermarks: Watermarks, bytes: Uint8Array): KeyedState {
  const reader = createByteReader(bytes);
  const found = { layout: reader.natural(), plan: reader.hex(planMarkCharacters) };
  if (found.layout !== layout || found.plan !== planMark(weir)) throw otherDefinition(weir, found);
  const appliedOffset = reader.natural() - 1;
  const chainHash = reader.hex(64);
  const state = { ...createState(weir), watermarks };
  unpackIds(reader, state.admission);
  unpackBaselines(reader, state.baselines);
  unpackAccountEvents(reader, weir.features, state.features);
  unpackAccountLedger(reader, state.ledger);
  return { state, chainHash, appliedOffset };
}

const planMarkCharacters = 16;
const planMarks = new WeakMap<Weir['features']['plan'], string>();

/** The beginning of the plan's hash: it is long enough to tell a state of another definition. */
function planMark({ features }: Weir): string {
  const known = planMarks.get(features.plan);
  if (known !== undefined) return known;
  const mark = hashPlan(features.plan).slice(0, planMarkCharacters);
  planMarks.set(features.plan, mark);
  return mark;
}

function otherDefinition(weir: Weir, found: { readonly layout: number; readonly plan: string }): WeirError {
  return new WeirError({
    code: 'STATE_OF_ANOTHER_DEFINITION',
    message: `got state of layout ${found.layout} and definition ${found.plan}, expected layout ${layout} and ${planMark(weir)}`,
    fix: 'Deploy the definition that the state was begun with, or begin with an empty state table and read the stream from its start.',
    facts: found,
  });
}

function packIds(writer: ByteWriter, { remembered }: AdmissionState, watermarkMs: number): void {
  const kept = [...remembered].filter(([, { forgetAtMs }]) => forgetAtMs > watermarkMs);
  writer.natural(kept.length);
  let beforeMs = 0;
  for (const [idHash, { bodyHash, forgetAtMs }] of kept) {
    writer.hex(idHash);
    writer.hex(bodyHash.slice(0, bodyHashCharacters));
    writer.integer(forgetAtMs - beforeMs);
    beforeMs = forgetAtMs;
  }
}

function unpackIds(reader: ByteReader, { remembered }: AdmissionState): void {
  let forgetAtMs = 0;
  for (let left = reader.natural(); left > 0; left--) {
    const idHash = reader.hex(32);
    const bodyHash = reader.hex(bodyHashCharacters);
    forgetAtMs += reader.integer();
    remembered.set(idHash, { bodyHash, forgetAtMs });
  }
}

/** The account's normal: the time of its last payment; a count a feature, and a mean where it is not 0. */
function packBaselines(writer: ByteWriter, { accounts, featureCount }: BaselineState): void {
  writer.natural(accounts.size);
  for (const [accountKey, account] of accounts) {
    writer.text(accountKey);
    writer.integer(account[0]!);
    for (let feature = 0; feature < featureCount; feature++) {
      const count = account[1 + featureCount + feature]!;
      writer.natural(count);
      if (count > 0) writer.value(account[1 + feature]!);
    }
  }
}

function unpackBaselines(reader: ByteReader, { accounts, featureCount }: BaselineState): void {
  for (let left = reader.natural(); left > 0; left--) {
    const accountKey = reader.text();
    const account = new Float64Array(1 + 2 * featureCount);
    account[0] = reader.integer();
    for (let feature = 0; feature < featureCount; feature++) {
      const count = reader.natural();
      account[1 + featureCount + feature] = count;
      if (count > 0) account[1 + feature] = Number(reader.value());
    }
    accounts.set(accountKey, account);
  }
}
