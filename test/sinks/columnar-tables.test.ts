import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { fieldKinds } from '../../core/contract/fields.ts';
import { parseRuleSet } from '../../core/contract/rule-set.ts';
import { createInterner, internText, sharedScope } from '../../core/decode/interner.ts';
import type { SettledColumns } from '../../core/features/columnar-settled.ts';
import type { FeatureRow } from '../../core/features/settle.ts';
import type { Scoring } from '../../core/score/decide.ts';
import { materialise } from '../../core/score/materialise.ts';
import { bindModel, parseModel } from '../../core/score/model.ts';
import { compileRules } from '../../core/score/rules.ts';
import { createColumnarLedger, ledgerLayout } from '../../core/sinks/columnar-ledger-state.ts';
import { createColumnarTables, type TableColumns } from '../../core/sinks/columnar-tables.ts';
import { createEffects, type Effects } from '../../core/sinks/effects.ts';
import type { TableSchema } from '../../core/sinks/table-schema.ts';
import { lakeRows, lakeTables } from '../../core/sinks/tables.ts';
import { columnsOf, createDecisions, valuesOf } from '../score/columnar-batch.ts';
import { featureNames, modelJson } from '../score/random-model.ts';
import { runColumnarBatch } from './columnar-steps.ts';
import { authorizationEvent } from './ledger-events.ts';
import { longLedgerSteps, smallLedgerConfig } from './ledger-steps.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-tables-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const plan = { features: featureNames.map((name) => ({ name })) };
const tables = lakeTables(plan);
const always = { not: { field: 'tenantId', op: 'isNull' } };
const rules = Array.from({ length: 40 }, (_, index) => ({
  id: `rule-${index}`,
  version: 1,
  mode: index % 3 === 0 ? 'shadow' : 'live',
  when: always,
  scoreDelta: index,
  reason: { code: `RULE_${index}`, text: `rule "${index}"` },
}));

function scoringWith(ruleCount: number): Scoring {
  const thresholds = { review: 400, stepUp: 600, decline: 800 };
  const ruleSet = parseRuleSet({ id: 'set', version: 4, thresholds, rules: rules.slice(0, ruleCount) });
  const fields = fieldKinds(authorizationContract);
  return {
    model: bindModel(parseModel(modelJson([{ kind: 'leaf', value: 1, hessian: 1 }])), featureNames),
    ruleSet: compileRules(ruleSet, { fields, features: featureNames }),
    featureSet: { name: 'book', version: 1, hash: 'f'.repeat(64) },
  };
}

/** The files of a table, from the objects of the twin and from columns, one after the other. */
function filesOf(schema: TableSchema, source: { effects: Partial<Effects>; columns: readonly TableColumns[] }) {
  const lake = openLake({ dir });
  const read = () => lake.listFiles(schema.name).map(({ path }) => [path, readFileSync(path)] as const);
  const twin = lake.openCut(0);
  const rows = lakeRows(tables, plan, { ...createEffects(), ...source.effects }).get(schema) ?? [];
  twin.table(schema).appendRows(rows);
  twin.finishSync(10);
  const fromObjects = read();
  lake.removeFrom(0);
  const cut = lake.openCut(0);
  for (const { columns, rows: selected, rowCount } of source.columns) {
    cut.table(schema).appendSelected(columns, selected, rowCount);
  }
  cut.finishSync(10);
  const fromColumns = read();
  lake.removeFrom(0);
  return { fromObjects, fromColumns };
}

const value = fc.oneof(fc.constantFrom(null, 0, 1, 2.5), fc.double({ noNaN: true, noDefaultInfinity: true }));
const reason = fc.record({ feature: fc.nat({ max: 3 }), baseline: value, contribution: fc.constantFrom(0.5, 1, 0.1) });
const decidedRow = fc.record({
  account: fc.nat({ max: 5 }),
  tenant: fc.nat({ max: 2 }),
  day: fc.nat({ max: 2 }),
  isDecided: fc.boolean(),
  lateness: fc.nat({ max: 2 }),
  arrivalWatermarkMs: fc.constantFrom(-Infinity, Infinity, 1000),
  features: fc.array(value, { minLength: 4, maxLength: 4 }),
  score: fc.nat({ max: 1000 }),
  outcome: fc.nat({ max: 3 }),
  reasons: fc.array(reason, { maxLength: 4 }),
  hits: fc.array(fc.nat({ max: 39 }), { maxLength: 3 }),
});

test('decisions in columns are the same file as the decisions of the twin', () => {
  let rowsSeen = 0;
  fc.assert(
    fc.property(
      fc.array(decidedRow, { minLength: 10, maxLength: 40 }),
      fc.constantFrom(0, 5, 40),
      (drawn, ruleCount) => {
        const interner = createInterner();
        const scoring = scoringWith(ruleCount);
        const rows = drawn.map((row, index) => ({
          ...row,
          event: authorizationEvent({
            tenantId: `t${row.tenant}/~`,
            accountId: `acc${row.account}`,
            eventId: `é-${index}`,
            eventTimeMs: 1_750_000_000_000 + row.day * 86_400_000 + index,
          }),
          stateWatermarkMs: 0,
        }));
        const columns = columnsOf(rows, interner);
        columns.counts[0] = rows.length;
        const decisions = createDecisions({ rowsMax: rows.length, ruleCount });
        for (const [row, { score, outcome, reasons, hits }] of rows.entries()) {
          decisions.score[row] = score;
          decisions.outcome[row] = outcome;
          decisions.reasonCount[row] = reasons.length;
          reasons.forEach(({ feature, baseline, contribution }, place) => {
            decisions.reasonFeature[row * 4 + place] = feature;
            decisions.reasonBaseline[row * 4 + place] = baseline ?? Number.NaN;
            decisions.reasonContribution[row * 4 + place] = contribution;
          });
          for (const rule of hits) {
            if (rule < ruleCount) decisions.ruleHits[row * decisions.ruleWords + (rule >>> 5)]! |= 1 << (rule & 31);
          }
        }
        const values = valuesOf(rows);
        const decided = { scoring, columns, interner, values, decisions, partition: 3 };
        const twins = rows.flatMap(({ isDecided }, row) => (isDecided ? [materialise({ ...decided, row })] : []));
        rowsSeen += twins.length;
        const mapping = createColumnarTables({ scoring, interner, partition: 3 });
        const { fromObjects, fromColumns } = filesOf(tables.decisions, {
          effects: { decisions: twins },
          columns: [mapping.decisions({ columns, decisions, values })],
        });
        expect(fromColumns).toEqual(fromObjects);
      },
    ),
    { numRuns: 25 },
  );
  expect(rowsSeen).toBeGreaterThan(150);
});

test('ledger entries in columns are the same file as the entries of the twin', () => {
  for (const seed of [1, 2]) {
    const interner = createInterner();
    const ledger = createColumnarLedger(smallLedgerConfig, { interner, layout: ledgerLayout });
    const { entries } = runColumnarBatch(ledger, longLedgerSteps({ seed, count: 2000 }));
    expect(entries.length).toBeGreaterThan(1000);
    const segments = ledger.out.slice(0, ledger.outAt + 1);
    const mapping = createColumnarTables({ scoring: scoringWith(1), interner, partition: 0 });
    const { fromObjects, fromColumns } = filesOf(tables.ledger, {
      effects: { ledgerEntries: [...entries] },
      columns: segments.map((segment) => mapping.ledger(segment)),
    });
    expect(fromObjects).toHaveLength(1);
    expect(fromColumns).toEqual(fromObjects);
  }
});

test('feature vectors in columns are the same file as the rows of the twin', () => {
  const interner = createInterner();
  const rowCount = 200;
  const numbers = (length: number, valueOf: (index: number) => number) =>
    Float64Array.from({ length }, (_, i) => valueOf(i));
  const text = new TextEncoder().encode('ab'.repeat(rowCount));
  const settled: SettledColumns = {
    rowCount,
    featureCount: 4,
    offset: numbers(rowCount, (row) => row * 3),
    eventTimeMs: numbers(rowCount, (row) => 1_750_000_000_000 + row * 1_000_000),
    tenant: new Int32Array(rowCount).fill(internText(interner, 't', sharedScope)),
    account: Int32Array.from({ length: rowCount }, (_, row) => internText(interner, `acc${row % 9}`, 0)),
    eventIdStart: Uint32Array.from({ length: rowCount }, (_, row) => row),
    eventIdEnd: Uint32Array.from({ length: rowCount }, (_, row) => row + 2),
    text,
    textBytes: text.length,
    late: Uint8Array.from({ length: rowCount }, (_, row) => (row % 5 === 0 ? 1 : 0)),
    tooLate: Uint8Array.from({ length: rowCount }, (_, row) => (row % 7 === 0 ? 1 : 0)),
    revision: Int32Array.from({ length: rowCount }, (_, row) => (row % 7 === 0 ? -1 : row % 3)),
    decision: numbers(rowCount * 4, (at) => (at % 11 === 0 ? Number.NaN : at % 4 === 3 ? at / 7 : at % 13)),
    settled: numbers(rowCount * 4, (at) => (Math.floor(at / 4) % 7 === 0 ? Number.NaN : at % 13)),
  };
  const cells = (values: Float64Array, row: number) =>
    Array.from(values.subarray(row * 4, row * 4 + 4), (cell) => (Number.isNaN(cell) ? null : cell));
  const twins = Array.from({ length: rowCount }, (_, row): FeatureRow => {
    const tooLate = settled.tooLate[row] === 1;
    return {
      identity: {
        eventId: row % 2 === 0 ? 'ab' : 'ba',
        tenantId: 't',
        accountId: `acc${row % 9}`,
        eventTimeMs: settled.eventTimeMs[row] ?? 0,
        offset: row * 3,
      },
      late: settled.late[row] === 1,
      tooLate,
      revision: tooLate ? null : (settled.revision[row] ?? 0),
      decision: cells(settled.decision, row),
      settled: tooLate ? null : cells(settled.settled, row),
    };
  });
  const mapping = createColumnarTables({ scoring: scoringWith(1), interner, partition: 0 });
  const { fromObjects, fromColumns } = filesOf(tables.features, {
    effects: { featureRows: twins },
    columns: [mapping.features(settled)],
  });
  expect(fromObjects.length).toBeGreaterThan(1);
  expect(fromColumns).toEqual(fromObjects);
});

test('a feature may not have the name of another column', () => {
  expect(() => lakeTables({ features: [{ name: 'score' }] })).toThrow('the table decisions has for something else');
});
