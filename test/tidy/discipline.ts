import type { SourceFile } from '../../scripts/tree.ts';
import { type Finding, type Rule, findLines, isTypeScript, isTypeScriptIn } from './rule.ts';
import { type SyntaxNode, childOf, childrenOf, commentsOf, findingAt, lineOf, nameOf, visitNodes } from './syntax.ts';

/** Work that is left for later is not left in the tree. */
export const unfinishedRule: Rule = {
  name: 'nothing is left for later',
  reads: (path) => /\.(ts|md|sh|py|java|sql)$/.test(path) || path === '.ci/run',
  check: (file) => (isTypeScript(file.path) ? checkComments(file) : findLines(file, unfinished, unfinishedMessage)),
};

/** Every test runs; one that depends on the machine says why on the line above. */
export const everyTestRunsRule: Rule = {
  name: 'no test is skipped or runs alone',
  reads: isTypeScriptIn('test'),
  check: (file) =>
    visitNodes(file).flatMap(({ node }) => {
      const problem = node.type === 'CallExpression' ? selectionOf(file, node) : null;
      return problem === null ? [] : [findingAt(file, node, problem)];
    }),
};

/** A test waits for what it expects, never for the clock. */
export const sleepRule: Rule = {
  name: 'no test sleeps',
  reads: isTypeScriptIn('test'),
  check: (file) =>
    visitNodes(file).flatMap(({ node }) => {
      const isSleep = node.type === 'CallExpression' && sleeps.has(nameOf(childOf(node, 'callee')) ?? '');
      const isTimers = nameOf(childOf(node, 'source')) === 'node:timers/promises';
      return isSleep || isTimers ? [findingAt(file, node, 'sleeps')] : [];
    }),
};

const unfinished = /\b(TO(?:)DO|FIX(?:)ME|XX(?:)X)\b/;
const unfinishedMessage = 'leaves work for later';
const sleeps = new Set(['setTimeout', 'setInterval', 'sleep']);
const testFunctions = new Set(['test', 'it', 'describe', 'suite']);
const conditions = new Set(['skipIf', 'runIf']);
const selections = new Set(['only', 'skip', 'todo']);

function checkComments(file: SourceFile): readonly Finding[] {
  return commentsOf(file)
    .filter((comment) => unfinished.test(comment.text))
    .map((comment) => findingAt(file, comment, unfinishedMessage));
}

/** What a call does to the choice of tests that run, or null. */
function selectionOf(file: SourceFile, call: SyntaxNode): string | null {
  const { root, members } = chainOf(childOf(call, 'callee'));
  if (!testFunctions.has(root)) return null;
  const options = childrenOf(call, 'arguments').filter((part) => part.type === 'ObjectExpression');
  const keys = options.flatMap((part) => childrenOf(part, 'properties').map((entry) => nameOf(childOf(entry, 'key'))));
  const selected = [...members, ...keys].find((name) => name !== null && selections.has(name));
  if (selected !== undefined) return `${root}.${selected} leaves tests out`;
  const isBare = members.some((name) => conditions.has(name)) && !hasReason(file, call);
  return isBare ? `${root}.${members.join('.')} without a comment above that says why` : null;
}

/** The identifier that a callee starts with, and the names of its members. */
function chainOf(callee: SyntaxNode | null): { readonly root: string; readonly members: readonly string[] } {
  const members: string[] = [];
  let node = callee;
  while (node?.type === 'MemberExpression') {
    members.unshift(nameOf(childOf(node, 'property')) ?? '');
    node = childOf(node, 'object');
  }
  return { root: nameOf(node) ?? '', members };
}

/** A comment on the call's line or the one above. */
function hasReason(file: SourceFile, call: SyntaxNode): boolean {
  const line = lineOf(file.text, call.start);
  return commentsOf(file).some((comment) => {
    const end = lineOf(file.text, comment.start + comment.text.length);
    return end === line || end === line - 1;
  });
}
