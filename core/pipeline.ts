import { arrive, lookupsOf, type Arrival } from './steps/arrival.ts';
import { enter } from './steps/accept.ts';
import type { Batch, Taken } from './steps/batch.ts';
import { passTime } from './steps/pass-time.ts';
import { admit, advanceByEvent, advanceToEnd, forgetIds } from './engine/admission.ts';
import { collectRows } from './features/settle.ts';
import { chainEntries } from './sinks/chain.ts';
import { createEffects, type Effects } from './sinks/effects.ts';
import {
  compact,
  createState,
  packState,
  unpackState,
  type PackedState,
  type Weir,
  type WeirState,
} from './steps/state.ts';
import { candidateOf, refuse, setAside } from './steps/set-aside.ts';

export { arrive, compact, createState, lookupsOf, packState, unpackState };
export type { Arrival, Batch, PackedState, Weir, WeirState };

/** The core: takes a batch into the state and says what the sinks shall hold. No clock, no dice, no input or output. */
export function step(weir: Weir, state: WeirState, batch: Batch): Effects {
  const effects = createEffects();
  for (const arrival of batch.arrivals) {
    if (arrival.kind === 'event') take(weir, state, { arrival, batch, effects });
    if (arrival.kind === 'refused') refuse({ arrival, refusal: arrival.decoded.refusal, effects });
    if (arrival.kind === 'endOfInput') advanceToEnd(state.watermarks);
    passTime(weir, state, effects);
  }
  effects.featureRows.push(...collectRows(weir.features, state.features, state.watermarks.stateMs));
  effects.chainBlocks.push(...chainEntries(state.ledger.openBlock, effects.ledgerEntries));
  forgetIds(state.admission, state.watermarks);
  return effects;
}

/** Decoded and within its contract; then future, duplicate or conflict, lateness; then whatever the event does. */
function take(weir: Weir, state: WeirState, { arrival, batch, effects }: Taken): void {
  const candidate = candidateOf(weir, arrival);
  const admission = admit(state.admission, state.watermarks, candidate, batch.known.get(arrival.idHash));
  switch (admission.kind) {
    case 'future':
    case 'conflict':
    case 'duplicate':
      return setAside({ arrival, admission, effects });
    default:
      enter(weir, state, { arrival, batch, effects, admission });
      advanceByEvent(state.watermarks, candidate);
  }
}
