import { approveReplay } from '../../bin/approve-replay.ts';
import { promotionSteps } from '../../runtime/promote-replay.ts';
import { requireReplay } from '../../runtime/replay-state.ts';

// `node promote-run.ts OUT REPLAY STEP`: promotes a replay and kills itself after a step.
const [out = '', replayId = '', last = ''] = process.argv.slice(2);
if (!promotionSteps.some((step) => step === last)) throw new Error(`got the step ${last}`);
await approveReplay({
  out,
  record: requireReplay(out, replayId),
  by: 'test',
  signal: new AbortController().signal,
  onStep: (step) => {
    if (step === last) process.kill(process.pid, 'SIGKILL');
  },
});
