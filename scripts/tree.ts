import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A text file of the repository; the path is relative to its root, with forward slashes. */
export type SourceFile = { readonly path: string; readonly text: string };

/** The paths that belong to the repository: tracked or not yet added, never ignored ones. Throws outside a git clone. */
export function listTree(): readonly string[] {
  const listing = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    encoding: 'utf8',
  });
  return [...new Set(listing.split('\0'))].filter((path) => path !== '' && existsSync(path)).sort();
}

/** The text files of the repository; a file with a zero byte counts as binary and is left out. */
export function readTree(): readonly SourceFile[] {
  return listTree()
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
    .filter((file) => !file.text.includes('\0'));
}
