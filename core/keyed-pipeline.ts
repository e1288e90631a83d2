import { enter } from './steps/accept.ts';
import { admit, advanceByEvent, createAdmissionState } from './engine/admission.ts';
import type { Watermarks } from './engine/watermark.ts';
import { createEffects, type Effects } from './sinks/effects.ts';
import { extendChain } from './sinks/account-chain.ts';
import type { Batch } from './steps/batch.ts';
import type { EventArrival } from './steps/arrival.ts';
import type { KeyedState } from './steps/keyed-state.ts';
import { passTime } from './steps/pass-time.ts';
import { candidateOf, setAside } from './steps/set-aside.ts';
import { createState, type Weir } from './steps/state.ts';
import { genesisHash } from './sinks/chain-block.ts';

/**
 * The pipeline of `pipeline.ts` cut by account: all that it remembers of an account lies in a state of its own, and the
 * watermarks in one that the accounts of a partition share. A definition whose keys lie in the account gives the same
 * decisions, entries and late events. What differs: no rows settle, and the ledger of an account moves on with its next
 * accepted event, so a hold expires then.
 */
export function stepKeyed(
  weir: Weir,
  keyed: KeyedState,
  { arrival, known, recorded }: Pick<Batch, 'known' | 'recorded'> & { readonly arrival: EventArrival },
): KeyedEffects {
  const { state } = keyed;
  const effects = createEffects();
  const candidate = candidateOf(weir, arrival);
  const admission = admit(state.admission, state.watermarks, candidate, known.get(arrival.idHash));
  switch (admission.kind) {
    case 'future':
    case 'conflict':
    case 'duplicate':
      setAside({ arrival, admission, effects });
      return { ...effects, accepted: false, chainHash: keyed.chainHash };
    default: {
      const batch = { arrivals: [arrival], known, recorded };
      passTime(weir, state, effects);
      enter(weir, state, { arrival, batch, effects, admission });
      advanceByEvent(state.watermarks, candidate);
      passTime(weir, state, effects);
      forgetRows(keyed);
      for (const entry of effects.ledgerEntries) keyed.chainHash = extendChain(keyed.chainHash, entry);
      keyed.appliedOffset = arrival.record.offset;
      return { ...effects, accepted: true, chainHash: keyed.chainHash };
    }
  }
}

/** What a record asks of the sinks. A record that was not accepted changed nothing of its account. */
export type KeyedEffects = Effects & {
  readonly accepted: boolean;
  /** Of the account, after the entries. */
  readonly chainHash: string;
};

/** An account before its first event. */
export function createKeyedState(weir: Weir, watermarks: Watermarks): KeyedState {
  const state = { ...createState(weir), watermarks, admission: createAdmissionState() };
  return { state, chainHash: genesisHash, appliedOffset: -1 };
}

/** Rows settle in the backfill, not here. */
function forgetRows({ state }: KeyedState): void {
  const { rows, settling, finishing, changed, touched } = state.features;
  rows.clear();
  changed.clear();
  touched.clear();
  settling.heap.length = 0;
  finishing.heap.length = 0;
}
