import type { Condition, FeatureTest, FieldTest, RuleSet } from '../contract/rule-set.ts';
import { type EventColumns, type EventLayout, operations } from '../decode/event-columns.ts';
import type { Interner } from '../decode/interner.ts';
import type { DecisionColumns } from './decision-columns.ts';
import { type CompiledRules, type Predicate, predicateOf } from './rules.ts';
import { answerEventId, answerText, createQuestion, type TextQuestion } from './text-question.ts';

/** Writes which rules hit each authorization of a batch into `ruleHits`; `values` holds a feature vector a row. */
export type ColumnarRules = (batch: RuleBatch) => void;

export type RuleBatch = {
  readonly columns: EventColumns;
  readonly values: Float64Array;
  readonly rowCount: number;
  readonly out: DecisionColumns;
};

export type ColumnarRulesOptions = {
  readonly ruleSet: CompiledRules;
  /** The feature vector's names in order. */
  readonly featureNames: readonly string[];
  readonly layout: EventLayout;
  readonly interner: Interner;
};

/** The event's fields that rules read and that need a column; the fields that every batch has are left out. */
export function fieldsOfRules({ rules }: Pick<RuleSet, 'rules'>): string[] {
  const fields = rules.flatMap(({ when }) => fieldsOf(when)).filter((field) => !everPresent.has(field));
  return [...new Set(fields)];
}

/**
 * Generates the code of a rule set's conditions over columns. Throws when a field that the rules read has no column. A
 * test of a text is asked once for each text and then remembered by the text's id.
 */
export function compileColumnarRules(options: ColumnarRulesOptions): ColumnarRules {
  const { ruleSet, interner } = options;
  const words: ColumnarRules[] = [];
  for (let first = 0; first < ruleSet.rules.length; first += rulesOfWord) {
    const compiler: Compiler = { ...options, predicates: [], names: new Map() };
    const conditions = ruleSet.rules
      .slice(first, first + rulesOfWord)
      .map(({ rule }) => conditionSource(rule.when, compiler));
    const source = wordSource({ conditions, compiler, word: first / rulesOfWord });
    const questions = compiler.predicates.map((holds) => createQuestion(holds, interner));
    words.push(compileSource(source, questions));
  }
  return (batch) => words.forEach((matchWord) => matchWord(batch));
}

/** As many rules as a word of `ruleHits` has bits. */
const rulesOfWord = 32;

/** The columns of the fields that every batch has, as the generated code names them. */
const everPresent: ReadonlyMap<string, string> = new Map([
  ['eventTimeMs', 'columns.eventTimeMs'],
  ['tenantId', 'columns.tenant'],
  ['accountId', 'columns.account'],
  ['eventId', 'columns'],
]);

type Compiler = ColumnarRulesOptions & {
  /** The tests of texts and lists, by the number that the code has for them. */
  readonly predicates: Predicate[];
  /** The variables of the fields' columns. */
  readonly names: Map<string, string>;
};

function fieldsOf(condition: Condition): string[] {
  if ('all' in condition) return condition.all.flatMap(fieldsOf);
  if ('any' in condition) return condition.any.flatMap(fieldsOf);
  if ('not' in condition) return fieldsOf(condition.not);
  return 'field' in condition ? [condition.field] : [];
}

type WordSource = { readonly conditions: readonly string[]; readonly compiler: Compiler; readonly word: number };

function wordSource({ conditions, compiler, word }: WordSource): string {
  const { names, featureNames, ruleSet, layout } = compiler;
  return [
    'return ({ columns, values, rowCount, out }) => {',
    ...[...names].map(([field, name]) => `const ${name} = ${columnSource(field, layout)};`),
    'for (let row = 0; row < rowCount; row += 1) {',
    `if (columns.op[row] !== ${operations.authorization}) continue;`,
    `const at = row * ${featureNames.length};`,
    'let word = 0;',
    ...conditions.map((condition, bit) => `if (${condition}) word |= ${1 << bit};`),
    `out.ruleHits[row * ${Math.ceil(ruleSet.rules.length / rulesOfWord)} + ${word}] = word;`,
    '}',
    '};',
  ].join('\n');
}

function conditionSource(condition: Condition, compiler: Compiler): string {
  const join = (conditions: readonly Condition[], operator: string): string =>
    `(${conditions.map((child) => conditionSource(child, compiler)).join(operator)})`;
  if ('all' in condition) return join(condition.all, ' && ');
  if ('any' in condition) return join(condition.any, ' || ');
  if ('not' in condition) return `!${conditionSource(condition.not, compiler)}`;
  if ('field' in condition) return fieldSource(condition, compiler);
  const column = compiler.featureNames.indexOf(condition.feature);
  if (column === -1) throw new Error(`got rules over feature ${condition.feature}, expected one of the vector`);
  return numberSource(condition, `values[at + ${column}]`, compiler);
}

function fieldSource(test: FieldTest, compiler: Compiler): string {
  const { field } = test;
  if (field === 'eventId') return `answerEventId(questions[${addPredicate(test, compiler)}], columns, row)`;
  const value = `${variableOf(field, compiler)}[row]`;
  if (isNumber(field, compiler.layout)) return numberSource(test, value, compiler);
  return `answerText(questions[${addPredicate(test, compiler)}], ${value})`;
}

/** A test of a number, NaN when it is missing; a truth value is 0 or 1. */
function numberSource(test: FieldTest | FeatureTest, value: string, compiler: Compiler): string {
  switch (test.op) {
    case 'eq':
      return `(${value} === ${numberOf(test.value)})`;
    case 'ne':
      return `(${value} === ${value} && ${value} !== ${numberOf(test.value)})`;
    case 'lt':
      return `(${value} < ${numberOf(test.value)})`;
    case 'lte':
      return `(${value} <= ${numberOf(test.value)})`;
    case 'gt':
      return `(${value} > ${numberOf(test.value)})`;
    case 'gte':
      return `(${value} >= ${numberOf(test.value)})`;
    case 'in':
      return `questions[${addPredicate(test, compiler)}].holds(${value})`;
    case 'notIn':
      return `(${value} === ${value} && questions[${addPredicate(test, compiler)}].holds(${value}))`;
    case 'isNull':
      return `(${value} !== ${value})`;
    case 'prefix':
    case 'contains':
      throw new Error(`got ${test.op} of a number, expected it of a text`);
  }
}

function numberOf(value: number | string | boolean): string {
  if (typeof value === 'string') throw new Error(`got the text ${JSON.stringify(value)}, expected a number`);
  return `(${Number(value)})`;
}

function addPredicate(test: FieldTest | FeatureTest, { predicates }: Compiler): number {
  return predicates.push(predicateOf(test)) - 1;
}

/** The source is built from a rule set that was read and checked: numbers and positions, no text of it. */
function compileSource(source: string, questions: readonly TextQuestion[]): ColumnarRules {
  // oxlint-disable-next-line typescript/no-implied-eval -- an interpreter of the rules costs several times as much, and no input reaches the code
  const make: unknown = new Function('questions', 'answerText', 'answerEventId', source);
  if (!isMaker(make)) throw new Error('got no function, expected one');
  return make(questions, answerText, answerEventId);
}

type Maker = (
  questions: readonly TextQuestion[],
  askText: typeof answerText,
  askEventId: typeof answerEventId,
) => ColumnarRules;

function isMaker(value: unknown): value is Maker {
  return typeof value === 'function';
}

function variableOf(field: string, { names }: Compiler): string {
  const name = names.get(field) ?? `column${names.size}`;
  names.set(field, name);
  return name;
}

function isNumber(field: string, layout: EventLayout): boolean {
  return field === 'eventTimeMs' || layout.numbers.includes(field);
}

function columnSource(field: string, { numbers, texts }: EventLayout): string {
  const present = everPresent.get(field);
  if (present !== undefined) return present;
  if (numbers.includes(field)) return `columns.numbers[${numbers.indexOf(field)}]`;
  if (texts.includes(field)) return `columns.texts[${texts.indexOf(field)}]`;
  throw new Error(`got rules over ${field}, expected a column of it`);
}
