import type { Expression } from './plan.ts';

/** Generated code of an expression. Its value is a number, NaN for null, or the id of a text, -1 for a missing one. */
export type Code = { readonly code: string; readonly type: 'number' | 'text' };

/** The code of a leaf: a field, the label, a column or an aggregate. */
export type LeafCode = (leaf: Exclude<Expression, { op: 'call' | 'constant' }>) => Code;

/** Writes an expression as JavaScript over columns; `f` names the `ColumnarFunctions`. Constant texts are collected. */
export function writeExpression(expression: Expression, leaf: LeafCode, constants: string[]): Code {
  switch (expression.op) {
    case 'constant':
      return writeConstant(expression.value, constants);
    case 'call': {
      const args = expression.args.map((arg) => writeExpression(arg, leaf, constants));
      return writeCall(expression.name, args);
    }
    default:
      return leaf(expression);
  }
}

type Call = Extract<Expression, { op: 'call' }>;

const strictNames: ReadonlySet<Call['name']> = new Set([
  ...(['plus', 'minus', 'times', 'dividedBy', 'above', 'below', 'atLeast', 'atMost'] as const),
  ...(['not', 'abs', 'sqrt', 'ln', 'hourOfDay', 'dayOfWeek', 'distanceKm'] as const),
]);

function writeConstant(value: number | string, constants: string[]): Code {
  if (typeof value === 'number') return numberCode(Object.is(value, -0) ? '-0' : `(${JSON.stringify(value)})`);
  const known = constants.indexOf(value);
  const index = known >= 0 ? known : constants.push(value) - 1;
  return { code: `(${-2 - index})`, type: 'text' };
}

function writeCall(name: Call['name'], args: readonly Code[]): Code {
  if (strictNames.has(name)) {
    // A text where a number is expected is null, and so is the result.
    return numberCode(args.some(({ type }) => type === 'text') ? 'NaN' : writeStrict(name, args));
  }
  const [first = null, ...rest] = args;
  if (first === null) throw new Error(`got ${name} of nothing, expected arguments`);
  switch (name) {
    case 'isMissing':
      return numberCode(`(${missing(first)} ? 1 : 0)`);
    case 'equals':
      return numberCode(writeEquals(first, rest[0] ?? first));
    case 'isOneOf':
      return numberCode(writeIsOneOf(first, rest));
    case 'orElse':
      return {
        code: `((v) => ${missing({ ...first, code: 'v' })} ? ${rest[0]?.code ?? 'NaN'} : v)(${first.code})`,
        type: typeOf(name, [first, ...rest]),
      };
    case 'choose':
      if (first.type === 'text') throw new Error('got a text as a condition, expected a truth value');
      return {
        code: `(${first.code} === 1 ? ${rest[0]?.code ?? 'NaN'} : ${rest[1]?.code ?? 'NaN'})`,
        type: typeOf(name, rest),
      };
    case 'and':
      return numberCode(writeLogic(args, { ends: 0, otherwise: 1 }));
    case 'or':
      return numberCode(writeLogic(args, { ends: 1, otherwise: 0 }));
    default:
      throw new Error(`got the function ${name}, expected one of the definition language`);
  }
}

/** Every argument is a number; NaN goes through arithmetic by itself. */
function writeStrict(name: Call['name'], args: readonly Code[]): string {
  const [left = 'NaN', right = 'NaN'] = args.map(({ code }) => code);
  switch (name) {
    case 'plus':
      return `f.finite(${left} + ${right})`;
    case 'minus':
      return `f.finite(${left} - ${right})`;
    case 'times':
      return `f.finite(${left} * ${right})`;
    case 'dividedBy':
      return `f.finite(${left} / ${right})`;
    case 'not':
      return `(1 - ${left})`;
    case 'abs':
      return `Math.abs(${left})`;
    case 'sqrt':
      return `Math.sqrt(${left})`;
    case 'ln':
      return `f.finite(Math.log(${left}))`;
    default:
      return `f.${name}(${args.map(({ code }) => code).join(', ')})`;
  }
}

function writeEquals(left: Code, right: Code): string {
  if (left.type === 'number' && right.type === 'number') return `f.equals(${left.code}, ${right.code})`;
  if (left.type !== right.type) return `(${missing(left)} || ${missing(right)} ? NaN : 0)`;
  const constant = constantOf(right) ?? constantOf(left);
  const other = constantOf(right) === null ? right : left;
  if (constant === null || constantOf(other) !== null) return `f.equalTexts(${left.code}, ${right.code})`;
  return `f.equalsConstant(${constant}, ${other.code})`;
}

function writeIsOneOf(value: Code, list: readonly Code[]): string {
  const hits = list.map((item) => `${writeEquals({ ...value, code: 'v' }, item)} === 1`);
  return `((v) => ${missing({ ...value, code: 'v' })} ? NaN : ${hits.length === 0 ? '0' : `${hits.join(' || ')} ? 1 : 0`})(${value.code})`;
}

/** SQL's three-valued logic: one value ends it, null comes before the other. */
function writeLogic(
  args: readonly Code[],
  { ends, otherwise }: { readonly ends: 0 | 1; readonly otherwise: 0 | 1 },
): string {
  const names = args.map((_, index) => `v${index}`);
  const isEnded = names.map((name) => `${name} === ${ends}`).join(' || ');
  const isNull = args.map(({ type }, index) => missing({ code: names[index] ?? '', type })).join(' || ');
  return `((${names.join(', ')}) => ${isEnded} ? ${ends} : ${isNull} ? NaN : ${otherwise})(${args.map(({ code }) => code).join(', ')})`;
}

function typeOf(name: string, branches: readonly Code[]): Code['type'] {
  const types = new Set(branches.map(({ type }) => type));
  if (types.size === 1 && types.has('number')) return 'number';
  // Texts that are chosen could come of two scopes, and ids of two scopes cannot be counted as texts are.
  throw new Error(`got texts in ${name}, expected numbers`);
}

function missing({ code, type }: Code): string {
  return type === 'text' ? `${code} === -1` : `Number.isNaN(${code})`;
}

function constantOf({ code, type }: Code): number | null {
  const match = type === 'text' ? /^\((-\d+)\)$/.exec(code) : null;
  return match === null ? null : -2 - Number(match[1]);
}

function numberCode(code: string): Code {
  return { code, type: 'number' };
}
