import { expect, test } from 'vitest';
import { commentsOf, lineOf, visitNodes } from './syntax.ts';

test('a comment is found outside of strings, templates and regular expressions only', () => {
  const text =
    "const a = '// no'; // one\nconst b = `// no ${/* two */ 1} // no`;\nconst c = /[/]/ + 'é'; /* three\n*/";
  expect(commentsOf({ path: 'a.ts', text }).map((comment) => comment.text)).toEqual([
    '// one',
    '/* two */',
    '/* three\n*/',
  ]);
});

test('offsets count characters and not bytes, so that lines and names stay right behind one that is not ASCII', () => {
  const text = "const a = 'é€😀';\nconst target = 1;";
  const target = visitNodes({ path: 'a.ts', text }).find(({ node }) => node['name'] === 'target')?.node;
  expect(text.slice(target?.start, target?.end)).toBe('target');
  expect(lineOf(text, target?.start ?? 0)).toBe(2);
});

test('a file that does not parse is an error and not an empty file', () => {
  expect(() => visitNodes({ path: 'a.ts', text: 'const = 1' })).toThrow(/Unexpected token/);
});
