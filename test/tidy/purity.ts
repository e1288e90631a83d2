import type { SourceFile } from '../../scripts/tree.ts';
import { type Finding, type Rule, isTypeScriptIn } from './rule.ts';
import { type SyntaxNode, type Visit, childOf, childrenOf, findingAt, nameOf, visitNodes } from './syntax.ts';

/** Core sees no clock, randomness, environment, local time zone, locale or console. */
export const purityRule: Rule = {
  name: 'core is pure',
  reads: isTypeScriptIn('core'),
  check: (file) => visitNodes(file).flatMap((visit) => checkVisit(file, visit)),
};

const outsideObjects = new Set(['process', 'console', 'performance', 'globalThis', 'crypto', 'Intl', 'Atomics']);
const outsideCalls = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'Date']);
const outsideMembers = new Set(['Date.now', 'Math.random']);
const localMethods =
  /^([gs]et(Hours|Minutes|Seconds|Milliseconds|Day|Date|Month|FullYear|TimezoneOffset)|toLocale.*|localeCompare|toDateString|toTimeString)$/;

function checkVisit(file: SourceFile, { node }: Visit): readonly Finding[] {
  const problem = problemOf(node);
  return problem === null ? [] : [findingAt(file, node, `core uses ${problem}`)];
}

function problemOf(node: SyntaxNode): string | null {
  switch (node.type) {
    case 'MemberExpression':
      return memberProblem(node);
    case 'CallExpression': {
      const name = nameOf(childOf(node, 'callee'));
      return name !== null && outsideCalls.has(name) ? `${name}()` : null;
    }
    case 'NewExpression':
      return dateProblem(node);
    case 'MetaProperty':
      return 'import.meta';
    default:
      return null;
  }
}

function memberProblem(node: SyntaxNode): string | null {
  const object = childOf(node, 'object');
  const property = nameOf(childOf(node, 'property')) ?? '';
  const owner = object?.type === 'Identifier' ? nameOf(object) : null;
  if (owner !== null && (outsideObjects.has(owner) || outsideMembers.has(`${owner}.${property}`)))
    return `${owner}.${property}`;
  return localMethods.test(property) ? `${property}, which reads the local time zone or locale` : null;
}

/** One argument is a point in time; none is the clock, several are local time. */
function dateProblem(node: SyntaxNode): string | null {
  const isDate = nameOf(childOf(node, 'callee')) === 'Date';
  const count = childrenOf(node, 'arguments').length;
  return isDate && count !== 1 ? `new Date with ${count} arguments` : null;
}
