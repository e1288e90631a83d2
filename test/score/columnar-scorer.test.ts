import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import { fieldKinds } from '../../core/contract/fields.ts';
import { parseRuleSet } from '../../core/contract/rule-set.ts';
import { createInterner } from '../../core/decode/interner.ts';
import { baselineOf, createBaselines, evictBaselines, updateBaseline } from '../../core/score/baseline.ts';
import { outcomes } from '../../core/score/decision-columns.ts';
import { sweepColumnarBaselines } from '../../core/score/columnar-baselines.ts';
import { fieldsOfRules } from '../../core/score/columnar-rules.ts';
import {
  createColumnarScorer,
  createColumnarScoreState,
  restOfScore,
  type ScoreBatch,
  scoreRows,
} from '../../core/score/columnar-scorer.ts';
import { createDecider, type Scoring } from '../../core/score/decide.ts';
import type { Decision } from '../../core/score/decision.ts';
import { createDecisionValues, type DecisionValueWriter } from '../../core/score/decision-values.ts';
import { createDecisionViewText } from '../../core/score/decision-view-text.ts';
import { viewOfDecision } from '../../core/score/decision-view.ts';
import { type DecidedRow, materialise } from '../../core/score/materialise.ts';
import { bindModel, parseModel } from '../../core/score/model.ts';
import { compileRules } from '../../core/score/rules.ts';
import { KeptPages } from '../engine/kept-pages.ts';
import { type BatchRow, columnsOf, createDecisions, layout, valuesOf } from './columnar-batch.ts';
import { type Drawn, modelJson, row as vector, trees } from './random-model.ts';
import { ruleSets } from './random-rules.ts';

const featureNames = ['unused', 'd', 'b', 'a', 'c'];
const dayMs = 86_400_000;
const baselines = { featureCount: featureNames.length, allowedLatenessMs: 1000, idleMsMax: 3 * dayMs };

function scoringOf(model: unknown, ruleSet: unknown): Scoring {
  return {
    model: bindModel(parseModel(model), featureNames),
    ruleSet: compileRules(parseRuleSet(ruleSet), { fields: fieldKinds(authorizationContract), features: featureNames }),
    featureSet: { name: 'book', version: 1, hash: 'f'.repeat(64) },
  };
}

/** Decides as the pipeline does: one event after the other, over plain objects. */
function decideEach(scoring: Scoring, rows: readonly BatchRow[]): Decision[] {
  const decider = createDecider(scoring);
  const state = createBaselines(baselines);
  const decisions: Decision[] = [];
  let watermarkMs = -Infinity;
  for (const [
    offset,
    { event, isDecided, lateness, features, arrivalWatermarkMs, stateWatermarkMs },
  ] of rows.entries()) {
    if (isDecided) {
      const accountKey = `${event.tenantId} ${event.accountId}`;
      const baseline = baselineOf(state, { accountKey, eventTimeMs: event.eventTimeMs, watermarkMs });
      const decided = decider.decide({
        event,
        decisionId: `00000001ffffffff${offset.toString(16).padStart(8, '0')}80000000`,
        bodyHash: [0, 2, 3, 4, 5, 6, 7, offset].map((word) => word.toString(16).padStart(8, '0')).join(''),
        topic: authorizationContract.topic,
        partition: 3,
        offset: 1000 + offset,
        features,
        baseline,
        watermarkMs: Number.isFinite(arrivalWatermarkMs) ? arrivalWatermarkMs : null,
        late: lateness === 1,
        tooLate: lateness === 2,
      });
      decisions.push(decided);
      if (lateness !== 2) updateBaseline(state, { accountKey, eventTimeMs: event.eventTimeMs, features });
    }
    watermarkMs = stateWatermarkMs;
    if (offset % 7 === 0) evictBaselines(state, watermarkMs);
  }
  return decisions;
}

type Run = { scoring: Scoring; rows: readonly BatchRow[]; engine: 'fastest' | 'javascript'; batchRows: number };

/** The same by batches of columns; between two of them the baselines are swept and go through a checkpoint. */
function decideByColumns({ scoring, rows, engine, batchRows }: Run): Decision[] {
  const interner = createInterner();
  const scorer = createColumnarScorer({ scoring, featureNames, layout, interner, engine });
  const published = createDecisionValues({ scoring, interner, partition: 3, rowsMax: batchRows });
  const kept = new KeptPages();
  let state = createColumnarScoreState(baselines);
  const decisions: Decision[] = [];
  for (let first = 0; first < rows.length; first += batchRows) {
    const batch = rows.slice(first, first + batchRows);
    const columns = columnsOf(batch, interner);
    columns.firstOffset[0] = 1000 + first;
    for (const row of batch.keys()) {
      columns.idHash[row * 4 + 2] = first + row;
      columns.bodyHash[row * 8 + 7] = first + row;
    }
    const values = valuesOf(batch);
    const out = createDecisions({ rowsMax: batch.length, ruleCount: scoring.ruleSet.rules.length });
    published.begin();
    scoreRows(scorer, state, { columns, values, rowCount: batch.length, out });
    for (const [row, { isDecided }] of batch.entries()) {
      if (isDecided)
        decisions.push(
          asPublished({ scoring, columns, interner, values, decisions: out, partition: 3, row }, published),
        );
    }
    sweepColumnarBaselines(state.baselines, { watermarkMs: state.watermarkMs, slots: 1000 });
    kept.begin(state.baselines.pages.book, 'changed');
    kept.finish();
    state = createColumnarScoreState(baselines, { book: kept.restore(), rest: structuredClone(restOfScore(state)) });
  }
  return decisions;
}

/** A row's decision, whose published value is the JSON of it behind the one before, and whose answered text that of its view. */
function asPublished(decided: DecidedRow, published: DecisionValueWriter): Decision {
  const decision = materialise(decided);
  published.add(decided, decided.row);
  const { count, values, valueEnds, keys, keyEnds, offsets, outcomes: made } = published.end();
  const last = count - 1;
  const { offset, accountId, outcome } = decision;
  expect(textIn(values, valueEnds, last)).toBe(JSON.stringify(decision));
  expect(textIn(keys, keyEnds, last)).toBe(accountId);
  expect([offsets[last], outcomes[made[last]!]]).toEqual([offset, outcome]);
  const answered = createDecisionViewText({ ...decided, featureNames })(decided, decided.row);
  const { decisionId, tenantId } = decision;
  const text = JSON.stringify(viewOfDecision(decision, featureNames));
  expect(answered).toEqual({ offset, decisionId, tenantId, text });
  return decision;
}

function textIn(bytes: Uint8Array, ends: Uint32Array, index: number): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(ends[index - 1] ?? 0, ends[index]));
}

const event: fc.Arbitrary<Omit<Authorization, 'eventTimeMs'>> = fc.record(
  {
    tenantId: fc.constantFrom('bank', 'shop'),
    eventId: fc.constantFrom('payment-1', 'payment-2', 'é\u{feff}', '"quoted\\', '\u{1f4b3}\n'),
    accountId: fc.constantFrom('account-1', 'account-2', 'account "3"'),
    cardToken: fc.constant('card-1'),
    merchantId: fc.constantFrom('merchant-1', 'merchant-2', 'bank'),
    terminalId: fc.constant('terminal-1'),
    amountMinor: fc.integer({ min: 0, max: 200 }),
    currency: fc.constantFrom('EUR', 'USD'),
    channel: fc.constantFrom('atm', 'moto', 'ecommerce'),
    entryMode: fc.constant('chip' as const),
    mcc: fc.constant('5411'),
    country: fc.constant('NL'),
    deviceId: fc.constantFrom('device-1', 'device-2'),
    location: fc.record({ latitude: fc.constantFrom(-50, 0.5, 30), longitude: fc.constant(4) }),
  },
  {
    requiredKeys: [
      'tenantId',
      'eventId',
      'accountId',
      'cardToken',
      'merchantId',
      'terminalId',
      'amountMinor',
      'currency',
      'channel',
      'entryMode',
      'mcc',
      'country',
    ],
  },
);

const drawnRow = fc.record({
  event,
  isDecided: fc.boolean().map((isSetAside) => !isSetAside),
  lateness: fc.constantFrom(0, 0, 0, 1, 2),
  stepMs: fc.constantFrom(0, 1, 500, 500, 500, 1000, dayMs, 4 * dayMs),
  behindMs: fc.constantFrom(0, 900, 2 * dayMs, 5 * dayMs),
  features: fc.tuple(fc.option(fc.integer()), vector).map(([unused, values]) => [unused, ...values]),
});

/** Rows of a log: time goes on, late rows lie behind it within the allowed lateness, too-late ones beyond. */
const rows = fc.array(drawnRow, { minLength: 1, maxLength: 90, size: 'max' }).map((drawn) => {
  let watermarkMs = -Infinity;
  let timeMs = 1_700_000_000_000;
  return drawn.map(({ stepMs, behindMs, lateness, event: fields, ...rest }): BatchRow => {
    timeMs += stepMs;
    const arrivalWatermarkMs = watermarkMs;
    const lateMs = lateness === 1 ? Math.min(behindMs, 900) : behindMs + 1000;
    const eventTimeMs = lateness === 0 || watermarkMs === -Infinity ? timeMs : watermarkMs - lateMs;
    if (rest.isDecided && lateness === 0) watermarkMs = timeMs - 1;
    return { ...rest, lateness, event: { ...fields, eventTimeMs }, arrivalWatermarkMs, stateWatermarkMs: watermarkMs };
  });
});

const engine = fc.constantFrom<Run['engine']>('fastest', 'javascript');

const seen = { decisions: 0, reasons: 0, hits: 0 };
const outcomesSeen = new Set<string>();

function count(decisions: readonly Decision[]): void {
  for (const { outcome, ruleHits, reasonCodes } of decisions) {
    outcomesSeen.add(outcome);
    seen.decisions += 1;
    seen.hits += ruleHits.length;
    seen.reasons += reasonCodes.filter(({ feature, baseline }) => feature !== null && baseline !== null).length;
  }
}

describe('decisions by columns', () => {
  test('they are those of one event after the other, bit for bit', () => {
    fc.assert(
      fc.property(
        trees,
        ruleSets,
        rows,
        engine,
        fc.integer({ min: 1, max: 90 }),
        (drawn, rules, log, by, batchRows) => {
          const scoring = scoringOf(modelJson(drawn), rules);
          const decisions = decideByColumns({ scoring, rows: log, engine: by, batchRows });
          expect(decisions).toEqual(decideEach(scoring, log));
          count(decisions);
        },
      ),
      { numRuns: 100 },
    );
    expect([...outcomesSeen].sort()).toEqual(['approve', 'decline', 'review', 'stepUp']);
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(300);
  });

  test('a recorded decision is adopted as it is, and its payment still enters the normal', () => {
    fc.assert(
      fc.property(trees, trees, ruleSets, rows, fc.infiniteStream(fc.boolean()), (before, after, rules, log, coins) => {
        const [old, current] = [scoringOf(modelJson(before), rules), scoringOf(modelJson(after), rules)];
        const interner = createInterner();
        const columns = columnsOf(log, interner);
        const values = valuesOf(log);
        const isRecorded = Uint8Array.from(log, () => (coins.next().value === true ? 1 : 0));
        const sizes = { rowsMax: log.length, ruleCount: current.ruleSet.rules.length };
        const run = (scoring: Scoring, recorded?: ScoreBatch['recorded']) => {
          const scorer = createColumnarScorer({ scoring, featureNames, layout, interner });
          const state = createColumnarScoreState(baselines);
          const out = createDecisions(sizes);
          scoreRows(scorer, state, { columns, values, rowCount: log.length, out, ...(recorded && { recorded }) });
          const each = log.map((_, row) =>
            materialise({ scoring: current, columns, interner, values, decisions: out, partition: 3, row }),
          );
          return { out, each, state };
        };
        const kept = run(old);
        const fresh = run(current);
        const adopted = run(current, { isRecorded, decisions: kept.out });
        expect(adopted.each).toEqual(log.map((_, row) => (isRecorded[row] === 1 ? kept : fresh).each[row]));
        expect(adopted.state).toEqual(fresh.state);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a scorer', () => {
  const noRules = { id: 'none', version: 1, thresholds: { review: 1, stepUp: 2, decline: 3 }, rules: [] };
  const leaf: Drawn = { kind: 'leaf', value: 0, hessian: 1 };

  test('features in another number than the model was bound to are a bug', () => {
    const scoring = scoringOf(modelJson([leaf]), noRules);
    const options = { scoring, featureNames: ['a'], layout, interner: createInterner() };
    expect(() => createColumnarScorer(options)).toThrow('got a model or rules over 5 features, expected 1');
  });

  test('rules over a field without a column are a bug', () => {
    const rule = { id: 'r', version: 1, mode: 'live', scoreDelta: 1, reason: { code: 'R', text: 'r' } };
    const when = {
      all: [{ not: { field: 'mcc', op: 'eq', value: '5411' } }, { field: 'amountMinor', op: 'gt', value: 3 }],
    };
    const ruleSet = { ...noRules, rules: [{ ...rule, when }] };
    const scoring = scoringOf(modelJson([leaf]), ruleSet);
    const options = { scoring, featureNames, layout, interner: createInterner() };
    expect(() => createColumnarScorer(options)).toThrow('got rules over mcc, expected a column of it');
    expect(fieldsOfRules(parseRuleSet(ruleSet))).toEqual(['mcc', 'amountMinor']);
  });

  test('fields that every batch has need no column', () => {
    const fields = ['eventId', 'eventTimeMs', 'tenantId', 'accountId', 'mcc', 'mcc'];
    const rules = fields.map((field, index) => ({
      id: `r${index}`,
      version: 1,
      mode: 'live',
      when: {
        any: [
          { field, op: 'isNull' },
          { feature: 'a', op: 'isNull' },
        ],
      },
      scoreDelta: 1,
      reason: { code: 'R', text: 'r' },
    }));
    expect(fieldsOfRules(parseRuleSet({ ...noRules, rules }))).toEqual(['mcc']);
  });
});
