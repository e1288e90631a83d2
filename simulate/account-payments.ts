import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FeatureTest } from '../core/contract/rule-set.ts';
import { partitionOf } from '../runtime/partitions.ts';

/** An authorization as a topic holds it. */
export type AccountPayment = { readonly partition: number; readonly key: string; readonly value: string };

/** Which payments are wanted. */
export type AccountPayments = {
  /** The number of the first one: the same number is the same payment. */
  readonly from: number;
  readonly count: number;
  readonly accounts: number;
  readonly partitions: number;
  /** Of a payment by its number; a second apart without it. */
  readonly eventTimeMs?: (number: number) => number;
  /** Of a payment by its number; all accounts in turn without it. */
  readonly accountOf?: (number: number) => number;
};

const tenantId = 'accounts';
const firstMs = 1_760_000_000_000;

/** Authorizations of accounts, in the partitions of their accounts: for topics, where each is read by one owner. */
export function accountPayments(wanted: AccountPayments): AccountPayment[] {
  const { from, count, accounts, partitions } = wanted;
  const { eventTimeMs = (number) => firstMs + number * 1000, accountOf = (number) => (number * 7919) % accounts } =
    wanted;
  return Array.from({ length: count }, (_, index) => {
    const number = from + index;
    const account = accountOf(number);
    const key = `acc-${account}`;
    const event = {
      tenantId,
      eventId: `a-${number}`,
      eventTimeMs: eventTimeMs(number),
      accountId: key,
      cardToken: `card-${account}-${number % 2}`,
      merchantId: `m-${number % 37}`,
      terminalId: `term-${number % 101}`,
      amountMinor: 100 + ((number * 104_729) % 12_000),
      currency: 'EUR',
      channel: 'ecommerce',
      entryMode: 'credentialOnFile',
      mcc: '5411',
      country: 'NL',
    };
    return { partition: partitionOf({ tenantId, key }, partitions), key, value: JSON.stringify(event) };
  });
}

/** The files that score them: features of the account and the card alone, a rule, and a model of one split. */
export type AccountFiles = { readonly definition: string; readonly rules: string; readonly model: string };

/** Writes the rules and the model into a folder. */
export function writeAccountFiles(dir: string): AccountFiles {
  return writeFiles(dir, { definition: 'features', busy: { feature: 'account_count_1h', op: 'gte', value: 3 } });
}

/** The same with features of the card's hour alone, of which hardly any is busy. */
export function writeHourFiles(dir: string): AccountFiles {
  return writeFiles(dir, { definition: 'hour-features', busy: { feature: 'card_count_1h', op: 'gte', value: 100 } });
}

function writeFiles(dir: string, { definition, busy }: { definition: string; busy: FeatureTest }): AccountFiles {
  const files = {
    definition: new URL(`../examples/accounts/${definition}.ts`, import.meta.url).pathname,
    rules: join(dir, 'rules.json'),
    model: join(dir, 'model.json'),
  };
  writeFileSync(files.rules, JSON.stringify(rulesOn(busy)));
  writeFileSync(files.model, JSON.stringify(stump('amount', 9000)));
  return files;
}

const rulesOn = (busy: FeatureTest) => ({
  id: 'accounts',
  version: 1,
  thresholds: { review: 300, stepUp: 600, decline: 900 },
  rules: [
    {
      id: 'busy',
      version: 1,
      mode: 'live',
      scoreDelta: 500,
      when: busy,
      reason: { code: 'BUSY', text: 'many payments in an hour' },
    },
  ],
});

/** A model as XGBoost saves it: amounts of `at` and more are likely fraud. */
function stump(feature: string, at: number): unknown {
  const tree = {
    tree_param: { size_leaf_vector: '1' },
    categories: [],
    left_children: [1, -1, -1],
    right_children: [2, -1, -1],
    split_type: [0, 0, 0],
    split_indices: [0, 0, 0],
    split_conditions: [at, -3, 3],
    default_left: [1, 0, 0],
    sum_hessian: [2, 1, 1],
  };
  return {
    learner: {
      attributes: { id: 'stump', version: '1' },
      feature_names: [feature],
      learner_model_param: { base_score: '[5E-1]', num_class: '0', num_feature: '1', num_target: '1' },
      objective: { name: 'binary:logistic' },
      gradient_booster: { name: 'gbtree', model: { trees: [tree] } },
    },
  };
}
