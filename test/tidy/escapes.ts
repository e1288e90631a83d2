import type { SourceFile } from '../../scripts/tree.ts';
import { type Finding, type Rule, isTypeScript } from './rule.ts';
import { type SyntaxNode, childOf, commentsOf, findingAt, nameOf, visitNodes } from './syntax.ts';

/** The type checker and the linter are never told to look away. */
export const escapeRule: Rule = {
  name: 'nothing escapes the type checker or the linter',
  reads: isTypeScript,
  check: (file) => [...checkNodes(file, escapeOf), ...checkComments(file)],
};

/** Node strips the types, so only syntax that vanishes with them is used. */
export const erasableRule: Rule = {
  name: 'types can be erased',
  reads: isTypeScript,
  check: (file) => checkNodes(file, (node) => lasting.get(node.type) ?? null),
};

const lasting = new Map([
  ['TSEnumDeclaration', 'an enum'],
  ['TSModuleDeclaration', 'a namespace'],
  ['TSParameterProperty', 'a parameter property'],
  ['TSExportAssignment', 'export ='],
  ['TSImportEqualsDeclaration', 'import ='],
  ['Decorator', 'a decorator'],
]);

function checkNodes(file: SourceFile, problemOf: (node: SyntaxNode) => string | null): readonly Finding[] {
  return visitNodes(file).flatMap(({ node }) => {
    const problem = problemOf(node);
    return problem === null ? [] : [findingAt(file, node, `uses ${problem}`)];
  });
}

function escapeOf(node: SyntaxNode): string | null {
  if (node.type === 'TSAnyKeyword') return 'any';
  if (node.type !== 'TSAsExpression') return null;
  const inner = childOf(node, 'expression');
  if (inner?.type === 'TSAsExpression') return 'as unknown as';
  return isParse(inner) && !isUnknown(childOf(node, 'typeAnnotation')) ? 'as on parsed JSON' : null;
}

function isParse(node: SyntaxNode | null): boolean {
  const callee = node?.type === 'CallExpression' ? childOf(node, 'callee') : null;
  return nameOf(childOf(callee, 'object')) === 'JSON' && nameOf(childOf(callee, 'property')) === 'parse';
}

function isUnknown(node: SyntaxNode | null): boolean {
  return node?.type === 'TSUnknownKeyword';
}

/** A test of types expects compile errors; a linter rule is switched off with `-- reason` only. */
function checkComments(file: SourceFile): readonly Finding[] {
  return commentsOf(file).flatMap((comment) => {
    const problem = commentProblem(comment.text);
    if (problem === null || (problem === '@ts-expect-error' && file.path.endsWith('.types.test.ts'))) return [];
    return [findingAt(file, comment, `uses ${problem}`)];
  });
}

function commentProblem(text: string): string | null {
  const directive = /@ts-(?:ignore|expect-error|nocheck)/.exec(text);
  if (directive !== null) return directive[0];
  const disables = /(?:oxlint|eslint)-disable/.test(text);
  return disables && !/ -- \w+/.test(text) ? 'a disabled lint rule without a reason' : null;
}
