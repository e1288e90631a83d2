import { WeirError } from '../../core/contract/failure.ts';

type Advice = { readonly code: string; readonly what: string; readonly fix: string };

const adviceByErrno: ReadonlyMap<string, Advice> = new Map([
  ['ENOSPC', { code: 'DISK_FULL', what: 'the disk is full', fix: 'Free some space, then run the same command again.' }],
  [
    'EDQUOT',
    { code: 'DISK_FULL', what: 'the disk quota is used up', fix: 'Free some space, then run the command again.' },
  ],
  ['EACCES', { code: 'FILE_DENIED', what: 'permission is denied', fix: 'Give this user access to the path.' }],
  ['EPERM', { code: 'FILE_DENIED', what: 'the operation is not permitted', fix: 'Give this user access to the path.' }],
  [
    'EROFS',
    { code: 'FILE_DENIED', what: 'the file system is read-only', fix: 'Choose a directory that can be written.' },
  ],
  ['ENOENT', { code: 'FILE_NOT_FOUND', what: 'there is no such file or directory', fix: 'Check the path.' }],
  ['ENOTDIR', { code: 'FILE_NOT_A_DIRECTORY', what: 'a part of the path is a file', fix: 'Choose another path.' }],
  ['EISDIR', { code: 'FILE_IS_A_DIRECTORY', what: 'it is a directory, expected a file', fix: 'Name a file.' }],
  [
    'EMFILE',
    { code: 'TOO_MANY_OPEN_FILES', what: 'too many files are open', fix: 'Raise the limit with `ulimit -n`.' },
  ],
  [
    'EIO',
    { code: 'DISK_FAILED', what: 'the disk failed to read or write', fix: 'Check the disk, then restore the files.' },
  ],
]);

/**
 * The failure of a file system call as a `WeirError` with the path, or the same error when it already is one. Anything
 * that carries no errno is a bug and comes back unchanged.
 */
export function wrapFsError(error: unknown, path: string): unknown {
  if (error instanceof WeirError) return error;
  const errno = errnoOf(error);
  if (errno === null) return error;
  const advice = adviceByErrno.get(errno) ?? { code: 'FILE_FAILED', what: `the system said ${errno}`, fix: '' };
  return new WeirError({
    code: advice.code,
    message: `${path}: ${advice.what}`,
    fix: advice.fix,
    facts: { path, errno },
    cause: error,
  });
}

/** Runs file system calls on one path; their failures are thrown as `WeirError`. */
export function withPath<Result>(path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw wrapFsError(error, path);
  }
}

/** The errno name of a failed system call (`ENOSPC`), null when the error is not one. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
