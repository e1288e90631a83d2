import fc from 'fast-check';

const values = {
  numbers: [-50, -1, 0, 0.5, 1, 2, 100],
  texts: ['EUR', 'USD', 'atm', 'moto', 'merchant-1', 'merchant-2', 'device-1', 'e', 'bank', 'account-1', 'payment-2'],
};
const numberField = fc.constantFrom('amountMinor', 'location.latitude', 'eventTimeMs');
const textField = fc.constantFrom('currency', 'channel', 'merchantId', 'deviceId', 'tenantId', 'accountId', 'eventId');
const feature = fc.constantFrom('unused', 'a', 'b', 'c', 'd');
const number = fc.constantFrom(...values.numbers);
const text = fc.constantFrom(...values.texts);
const order = fc.constantFrom('lt', 'lte', 'gt', 'gte');
const equality = fc.constantFrom('eq', 'ne');
const membership = fc.constantFrom('in', 'notIn');

function testsOf(name: fc.Arbitrary<object>): fc.Arbitrary<object> {
  return fc
    .tuple(
      name,
      fc.oneof(
        fc.record({ op: fc.oneof(equality, order), value: number }),
        fc.record({ op: membership, value: fc.array(number, { minLength: 1, maxLength: 4 }) }),
        fc.constant({ op: 'isNull' }),
      ),
    )
    .map(([subject, test]) => ({ ...subject, ...test }));
}

const textTest = fc
  .tuple(
    textField,
    fc.oneof(
      fc.record({ op: fc.oneof(equality, fc.constantFrom('prefix', 'contains')), value: text }),
      fc.record({ op: membership, value: fc.array(text, { minLength: 1, maxLength: 4 }) }),
      fc.constant({ op: 'isNull' }),
    ),
  )
  .map(([field, test]) => ({ field, ...test }));

const { condition } = fc.letrec<{ condition: object }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    testsOf(numberField.map((field) => ({ field }))),
    testsOf(feature.map((name) => ({ feature: name }))),
    textTest,
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    tie('condition').map((not) => ({ not })),
  ),
}));

const rule = fc.record(
  {
    mode: fc.constantFrom('live', 'shadow'),
    when: condition,
    scoreDelta: fc.integer({ min: -400, max: 400 }),
    outcomeAtLeast: fc.constantFrom('review', 'stepUp', 'decline'),
  },
  { requiredKeys: ['mode', 'when', 'scoreDelta'] },
);

/** Rule sets in JSON, from none to more rules than a word has bits. */
export const ruleSets: fc.Arbitrary<unknown> = fc
  .tuple(
    fc.oneof(fc.array(rule, { maxLength: 5 }), fc.array(rule, { minLength: 33, maxLength: 70 })),
    fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 3, maxLength: 3 }),
  )
  .map(([rules, thresholds]) => {
    const [review, stepUp, decline] = thresholds.toSorted((left, right) => left - right);
    return {
      id: 'random',
      version: 1,
      thresholds: { review, stepUp, decline },
      rules: rules.map((drawn, index) => ({
        ...drawn,
        id: `rule-${index}`,
        version: 1,
        reason: { code: `RULE_${index}`, text: `rule ${index}` },
      })),
    };
  });
