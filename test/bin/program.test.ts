import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { examplesOf } from '../../bin/invocation.ts';
import { createProgram } from '../../bin/program.ts';

type Leaf = { readonly path: string; readonly command: Command };

function leavesOf(command: Command, path: string): Leaf[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((child) => leavesOf(child, `${path} ${child.name()}`));
}

/** The tree with every action replaced: what an example would run, by path. */
function parse(example: string): { readonly ran: string; readonly options: object } {
  const program = createProgram({ exitCode: 0 });
  const ran: { path: string; options: object }[] = [];
  for (const { path, command } of leavesOf(program, 'weir')) {
    command.action(() => {
      ran.push({ path, options: command.opts() });
    });
  }
  program.parse(example.split(' ').slice(1), { from: 'user' });
  return { ran: ran[0]?.path ?? '', options: ran[0]?.options ?? {} };
}

const leaves = leavesOf(createProgram({ exitCode: 0 }), 'weir').filter(({ path }) => path !== 'weir help');

describe('every command', () => {
  test('is there', () => {
    expect(leaves.map(({ path }) => path).toSorted()).toEqual([
      'weir audit',
      'weir completion',
      'weir contracts check',
      'weir contracts export',
      'weir contracts list',
      'weir contracts lock',
      'weir cost',
      'weir demo',
      'weir doctor',
      'weir explain',
      'weir features',
      'weir flow check',
      'weir flow run',
      'weir generate',
      'weir ledger verify',
      'weir publish',
      'weir redrive',
      'weir replay abort',
      'weir replay approve',
      'weir replay report',
      'weir replay run',
      'weir replay status',
      'weir run',
      'weir serve',
      'weir simulate',
      'weir telemetry',
      'weir topics apply',
      'weir topics plan',
    ]);
  });

  test.each(leaves)('$path has examples that parse to itself', ({ path, command }) => {
    const examples = examplesOf(command);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(parse(example).ran).toBe(path);
  });

  test.each(leaves)('$path says what it does, in lines of at most 80 characters', ({ command }) => {
    expect(command.description()).toMatch(/\.$/);
    const help = command.helpInformation();
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('prints JSON for programs, but for the two that print a script or a stream', () => {
    const without = leaves.filter(({ command }) => !command.options.some(({ long }) => long === '--json'));
    expect(without.map(({ path }) => path)).toEqual(['weir completion']);
  });
});

test('an example with an unknown option does not parse', () => {
  expect(() => parse('weir demo --evnts 5')).toThrow(/Did you mean --events/);
});

test('numbers are read as numbers', () => {
  expect(parse('weir demo --events 5 --rate 2.5').options).toMatchObject({ events: 5, rate: 2.5, seed: 1 });
});
