import type { SourceFile } from '../../scripts/tree.ts';
import { type Finding, type Rule, isTypeScript, isTypeScriptIn } from './rule.ts';
import { type SyntaxNode, type Visit, childOf, findingAt, lineOf, nameOf, visitNodes } from './syntax.ts';

const fileLinesMax = 300;
const functionLinesMax = 60;
const deployableLinesMax = 40;

/** A file of code has at most 300 lines. */
export const fileSizeRule: Rule = {
  name: `a file has at most ${fileLinesMax} lines`,
  reads: (path) => /\.(ts|mjs|js|py|sh|java)$/.test(path) || path === '.ci/run',
  check: (file) => checkLines(file, fileLinesMax),
};

/** A file of functions/ is one deployable of at most 40 lines. */
export const deployableSizeRule: Rule = {
  name: `a deployable has at most ${deployableLinesMax} lines`,
  reads: isTypeScriptIn('functions'),
  check: (file) => checkLines(file, deployableLinesMax),
};

/** A function has at most 60 lines; the callback of a describe is a list of tests and does not count. */
export const functionSizeRule: Rule = {
  name: `a function has at most ${functionLinesMax} lines`,
  reads: isTypeScript,
  check: (file) => visitNodes(file).flatMap((visit) => checkFunction(file, visit)),
};

function checkLines(file: SourceFile, linesMax: number): readonly Finding[] {
  const lines = file.text.replace(/\n$/, '').split('\n').length;
  if (lines <= linesMax) return [];
  return [{ path: file.path, line: linesMax + 1, message: `got ${lines} lines, expected at most ${linesMax}` }];
}

function checkFunction(file: SourceFile, visit: Visit): readonly Finding[] {
  const { node } = visit;
  const isFunction = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
  if (!isFunction || isDescribeCallback(visit)) return [];
  const lines = lineOf(file.text, node.end) - lineOf(file.text, node.start) + 1;
  if (lines <= functionLinesMax) return [];
  return [findingAt(file, node, `got a function of ${lines} lines, expected at most ${functionLinesMax}`)];
}

/** Also for describe.each(...)(name, callback) and the like. */
function isDescribeCallback({ parent, field }: Visit): boolean {
  if (parent?.type !== 'CallExpression' || field !== 'arguments') return false;
  let callee: SyntaxNode | null = childOf(parent, 'callee');
  while (callee !== null && callee.type !== 'Identifier')
    callee = childOf(callee, 'object') ?? childOf(callee, 'callee');
  return nameOf(callee) === 'describe';
}
