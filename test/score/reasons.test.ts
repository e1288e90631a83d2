import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bindModel, parseModel } from '../../core/score/model.ts';
import { formatNumber, modelReasons, reasonSubjects, ruleReason } from '../../core/score/reasons.ts';
import { brokenModel } from './golden-model.ts';

const names = ['amount', 'terminal_fraud_rate_7d', 'secondsSinceLast', 'night', 'weekend'];
const vector = ['unused', ...names];
const subjects = reasonSubjects(bindModel(parseModel(brokenModel(['learner', 'feature_names'], names)), vector));

function reasonsOf(contributions: number[], values: { features: (number | null)[]; baseline: (number | null)[] }) {
  const [features, baseline] = [
    [0, ...values.features],
    [0, ...values.baseline],
  ];
  return modelReasons(subjects, { contributions: Float64Array.from(contributions), features, baseline });
}

const plainValues = { features: [1, 1, 1, 1, 1], baseline: [0, 0, 0, 0, 0] };

describe('reasons of a model', () => {
  test('a value is set against the normal', () => {
    const reasons = reasonsOf([0, 1.25, 0, 0, 0], {
      features: [1, 0.42, 1, 1, 1],
      baseline: [0, 0.01, 0, 0, 0],
    });
    expect(reasons).toEqual([
      {
        code: 'TERMINAL_FRAUD_RATE_7D_HIGH',
        text: 'terminal fraud rate 7d is 0.42, normally 0.01',
        feature: 'terminal_fraud_rate_7d',
        value: 0.42,
        baseline: 0.01,
        contribution: 1.25,
      },
    ]);
  });

  test.each([
    [5, 9, 'SECONDS_SINCE_LAST_LOW', 'seconds since last is 5, normally 9'],
    [5, 5, 'SECONDS_SINCE_LAST', 'seconds since last is 5, normally 5'],
    [5, null, 'SECONDS_SINCE_LAST', 'seconds since last is 5, no normal known'],
    [null, 9, 'SECONDS_SINCE_LAST_MISSING', 'seconds since last is missing, normally 9'],
    [null, null, 'SECONDS_SINCE_LAST_MISSING', 'seconds since last is missing, no normal known'],
  ])('value %j with normal %j is %s', (value, baseline, code, text) => {
    const values = { features: [0, 0, value, 0, 0], baseline: [0, 0, baseline, 0, 0] };
    expect(reasonsOf([0, 0, 1, 0, 0], values)).toMatchObject([{ code, text, value, baseline }]);
  });

  test('the four largest come first and equal ones keep the order of the model', () => {
    const featuresOf = (contributions: number[]) => reasonsOf(contributions, plainValues).map(({ feature }) => feature);
    expect(featuresOf([1, 2, 3, 4, 5])).toEqual(names.toReversed().slice(0, 4));
    expect(featuresOf([1, 1, 1, 1, 1])).toEqual(names.slice(0, 4));
    expect(featuresOf([-1, 0, 0.5, -3, 0.7])).toEqual(['weekend', 'secondsSinceLast']);
  });

  test('they are the head of a sorted list', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 5, maxLength: 5 }), (contributions) => {
        const sorted = names
          .map((feature, index) => ({ feature, contribution: contributions[index]! }))
          .filter(({ contribution }) => contribution > 0)
          .toSorted((left, right) => right.contribution - left.contribution);
        expect(reasonsOf(contributions, plainValues)).toMatchObject(sorted.slice(0, 4));
      }),
    );
  });
});

test('a rule gives its own reason in score points', () => {
  const reason = { code: 'BLOCKED', text: 'a blocked country' };
  const when = { field: 'country', op: 'eq', value: 'XX' } as const;
  const rule = { id: 'r', version: 2, mode: 'live', when, scoreDelta: -40, reason } as const;
  const hit = { id: 'r', version: 2, mode: 'live', scoreDelta: -40 } as const;
  expect(ruleReason({ rule, hit, isHit: () => true })).toEqual({
    ...reason,
    feature: null,
    value: null,
    baseline: null,
    contribution: -40,
  });
});

test.each([
  [0, '0'],
  [-0, '0'],
  [12, '12'],
  [1234567.891, '1234567.89'],
  [203.04000854, '203.04'],
  [2.5, '2.5'],
  [0.014871, '0.0149'],
  [-0.5, '-0.5'],
  [0.0000123456, '0.0000123'],
])('%d is written %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});
