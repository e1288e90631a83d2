import { posix } from 'node:path';
import type { SourceFile } from '../../scripts/tree.ts';
import { type Finding, type Rule, findLines } from './rule.ts';

const textFiles = /\.(ts|md|sh|py|java|sql|json|yml|yaml|html|css|ndjson|csv)$/;

/** Nothing names a folder that exists on one machine only. */
export const machinePathRule: Rule = {
  name: 'no path of one machine',
  reads: (path) => (textFiles.test(path) || path === '.ci/run') && path !== 'package-lock.json',
  check: (file) => findLines(file, machinePath, 'names a folder of one machine'),
};

/** A relative path stays in the repository; `.ci/run` alone looks beside it, for data that may be there. */
export const innerPathRule: Rule = {
  name: 'no path leads out of the repository',
  reads: (path) => textFiles.test(path) && path !== 'package-lock.json',
  check: checkPaths,
};

const machinePath = /(?:^|[^\w.-])\/(?:home|root|Users|tmp|work|private|mnt)(?:\/|(?=['"`\s)]))/;
const relativePath = /['"`(]((?:\.\.\/)+[^'"`)\s]*)/g;

function checkPaths(file: SourceFile): readonly Finding[] {
  return file.text.split('\n').flatMap((text, index) =>
    [...text.matchAll(relativePath)]
      .map((match) => match[1] ?? '')
      .filter((path) => posix.join(posix.dirname(file.path), path).startsWith('../'))
      .map((path) => ({ path: file.path, line: index + 1, message: `${path} leads out of the repository` })),
  );
}
