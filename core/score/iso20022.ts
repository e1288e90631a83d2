import type { Outcome } from './decision.ts';

/** The recommended action of a risk assessment in the ISO 20022 message cain.001: approve, decline, refer, step up authentication. */
export type Iso20022Action = 'APPV' | 'DCLN' | 'RFRL' | 'STUA';

/** The action that says an outcome in ISO 20022. */
export function iso20022Action(outcome: Outcome): Iso20022Action {
  switch (outcome) {
    case 'approve':
      return 'APPV';
    case 'review':
      return 'RFRL';
    case 'stepUp':
      return 'STUA';
    case 'decline':
      return 'DCLN';
  }
}
