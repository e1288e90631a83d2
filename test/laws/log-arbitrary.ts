import fc from 'fast-check';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { type Draft, draftChoices, logOf } from '../../simulate/hostile/workload.ts';

/** Hostile logs of up to `maxLength` records, for fast-check, which shrinks each draft to the plainest that still fails. */
export function logArbitrary(maxLength: number): fc.Arbitrary<LogItem[]> {
  return fc.array(draftArbitrary, { minLength: 1, maxLength, size: 'max' }).map(logOf);
}

const draftArbitrary: fc.Arbitrary<Draft> = fc.record({
  kind: pickArbitrary('kind'),
  stepMs: pickArbitrary('stepMs'),
  behindMs: pickArbitrary('behindMs'),
  ingestAfterMs: pickArbitrary('ingestAfterMs'),
  amountMinor: pickArbitrary('amountMinor'),
  place: pickArbitrary('place'),
  target: pickArbitrary('target'),
  copyBack: pickArbitrary('copyBack'),
  copyAs: pickArbitrary('copyAs'),
  reason: pickArbitrary('reason'),
  currency: pickArbitrary('currency'),
});

function pickArbitrary<Field extends keyof Draft>(field: Field): fc.Arbitrary<Draft[Field]> {
  return fc.oneof(...draftChoices[field].map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
}
