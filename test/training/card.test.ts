import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { featureNames, model, modelBytes, ruleSet } from './shipped.ts';

const card = readFileSync(new URL('../../examples/handbook/MODEL_CARD.md', import.meta.url), 'utf8');

/** The second cell of the row that starts with a cell. */
function cellBeside(cell: string): string {
  const row = card.split('\n').find((line) => line.startsWith(`| ${cell} |`));
  return row?.split(' | ')[1] ?? '';
}

describe('the model card', () => {
  test('has the hash and the size of the shipped file', () => {
    expect(cellBeside('SHA-256 of the file')).toContain(`\`${hash('sha256', modelBytes, 'hex')}\``);
    expect(cellBeside('File')).toContain(`${modelBytes.length.toLocaleString('en-US')} bytes`);
  });

  test('has the hash, the id and the version that decisions carry', () => {
    const { id, version, hash: decisionHash } = model.model.reference;
    expect(cellBeside('Hash in decisions')).toContain(`\`${decisionHash}\``);
    expect(cellBeside('Id and version')).toContain(`\`${id}\`, \`${version}\``);
  });

  test('measures the shipped thresholds', () => {
    for (const [outcome, threshold] of Object.entries(ruleSet.thresholds)) {
      expect(cellBeside(`${outcome}, score alone`)).toBe(String(threshold));
    }
  });

  test('tells of every feature and of every rule with its mode', () => {
    for (const name of featureNames) expect(cellBeside(`\`${name}\``)).toMatch(/^\d+\.\d$/);
    for (const { id, mode } of ruleSet.rules) expect(cellBeside(`\`${id}\``)).toBe(mode);
  });
});
