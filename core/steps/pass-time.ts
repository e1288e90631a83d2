import { finiteOrNull } from './batch.ts';
import { expireWaitingLabels } from '../features/labels.ts';
import { settle } from '../features/settle.ts';
import { countUp, type Effects } from '../sinks/effects.ts';
import { advanceLedger } from '../sinks/ledger.ts';
import type { Weir, WeirState } from './state.ts';

/** What the watermark brings after each record: rows settle, holds expire, waits end. */
export function passTime(weir: Weir, state: WeirState, effects: Effects): void {
  countUp(effects.counts, 'records');
  const { stateMs } = state.watermarks;
  settle(state.features, stateMs);
  const { entries, expiredWaits } = advanceLedger(state.ledger, stateMs);
  effects.ledgerEntries.push(...entries);
  const labelTopic = weir.features.plan.label?.topic ?? '';
  const labels = expireWaitingLabels(state.features, stateMs).map((waiting) => ({ ...waiting, topic: labelTopic }));
  for (const { topic, offset, event } of [...labels, ...expiredWaits]) {
    effects.lateEvents.push({
      topic,
      offset,
      reason: 'unknownAuthorization',
      event,
      lateByMs: null,
      watermarkMs: finiteOrNull(stateMs),
    });
    countUp(effects.counts, 'unknownAuthorization');
  }
}
