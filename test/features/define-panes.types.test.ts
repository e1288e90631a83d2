import { describe, expect, test } from 'vitest';
import { avg, count, sum } from '../../core/features/define.ts';
import { panes } from '../../core/features/define-flow.ts';
import { payment } from '../laws/panes-log.ts';

/** Each mistake is an error of the compiler, as its line says, and of the definition too, which runs unchecked as well. */
describe('what does not compile throws as well', () => {
  test('an aggregate that has a window of its own', () => {
    const wrong = panes(payment)
      .by(payment.accountId)
      .tumbling('1m')
      // @ts-expect-error -- a feature's aggregate has a key and a window already
      .of({ total: sum(payment.amountMinor).by(payment.accountId) });
    expect(() => wrong.compile('wrong')).toThrow('column total: got no aggregate, expected one without a window');
  });

  test('a field that is no aggregate', () => {
    const wrong = panes(payment)
      .by(payment.accountId)
      .tumbling('1m')
      // @ts-expect-error -- a pane has many amounts
      .of({ amount: payment.amountMinor });
    expect(() => wrong.compile('wrong')).toThrow('column amount: got no aggregate');
  });

  test('a key that is a truth value', () => {
    // @ts-expect-error -- a condition is no key
    const keyed = panes(payment).by(payment.amountMinor.above(5));
    expect(() => keyed.tumbling('1m').of({ events: count() }).compile('wrong')).toThrow(
      'got a call as the key of panes',
    );
  });

  test('and what is right does neither', () => {
    const right = panes(payment).by(payment.accountId, payment.amountMinor).session('30m');
    expect(right.of({ mean: avg(payment.amountMinor) }).compile('right').kind).toBe('sessions');
  });
});
