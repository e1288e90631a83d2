import { createKeyedState, stepKeyed } from '../../core/keyed-pipeline.ts';
import { createWatermarks } from '../../core/engine/watermark.ts';
import { arrive, lookupsOf, type Weir } from '../../core/pipeline.ts';
import { createEffects, type Effects } from '../../core/sinks/effects.ts';
import type { EventArrival } from '../../core/steps/arrival.ts';
import type { KeyedState } from '../../core/steps/keyed-state.ts';
import { packKeyed, unpackKeyed } from '../../core/steps/pack-keyed.ts';
import { refuse } from '../../core/steps/set-aside.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { batches } from './harness.ts';

export type KeyedRun = {
  readonly effects: Effects;
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  /** The accounts as they were left. */
  readonly keys: (weir?: Weir) => KeyedState[];
};

/** Runs a log with nothing in memory between two batches but the bytes of each account and the watermarks. */
export function runKeyed(
  weir: Weir,
  log: readonly LogItem[],
  sizes: readonly number[],
  { packTwice = false } = {},
): KeyedRun {
  const all = createEffects();
  const bytes = new Map<string, Uint8Array>();
  const ids = new Map<string, string>();
  const watermarks = createWatermarks();
  const keyedOf = (key: string): KeyedState => {
    const kept = bytes.get(key);
    return kept === undefined ? createKeyedState(weir, watermarks) : unpackKeyed(weir, watermarks, kept);
  };
  for (const items of batches(log, sizes)) {
    const states = new Map<string, KeyedState>();
    for (const { record } of items) {
      const arrival = arrive(record);
      if (arrival.kind === 'refused') refuse({ arrival, refusal: arrival.decoded.refusal, effects: all });
      if (arrival.kind !== 'event') continue;
      const key = keyOf(arrival);
      const keyed = states.get(key) ?? keyedOf(key);
      states.set(key, keyed);
      const known = new Map(lookupsOf(arrival).flatMap((id) => (ids.has(id) ? [[id, ids.get(id)!] as const] : [])));
      append(all, stepKeyed(weir, keyed, { arrival, known, recorded: new Map() }));
    }
    for (const { idHash, bodyHash } of all.acceptedKeys) ids.set(idHash, bodyHash);
    for (const [key, keyed] of states) {
      const packed = packKeyed(weir, keyed);
      bytes.set(key, packTwice ? packKeyed(weir, unpackKeyed(weir, watermarks, packed)) : packed);
    }
  }
  const keys = (of = weir): KeyedState[] => [...bytes.values()].map((kept) => unpackKeyed(of, watermarks, kept));
  return { effects: all, bytes, keys };
}

function keyOf({ event: { event } }: EventArrival): string {
  return `${event.tenantId}\u0000${event.accountId}`;
}

function append(all: Effects, effects: Effects): void {
  all.decisions.push(...effects.decisions);
  all.ledgerEntries.push(...effects.ledgerEntries);
  all.lateEvents.push(...effects.lateEvents);
  all.deadLetters.push(...effects.deadLetters);
  all.acceptedKeys.push(...effects.acceptedKeys);
}
