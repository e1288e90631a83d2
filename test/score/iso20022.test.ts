import { expect, test } from 'vitest';
import { iso20022Action } from '../../core/score/iso20022.ts';

test.each([
  ['approve', 'APPV'],
  ['review', 'RFRL'],
  ['stepUp', 'STUA'],
  ['decline', 'DCLN'],
] as const)('%s is %s', (outcome, action) => {
  expect(iso20022Action(outcome)).toBe(action);
});
