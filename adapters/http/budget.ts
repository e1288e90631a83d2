/** The header by which a caller gives a request less time than the server would. */
export const budgetHeader = 'weir-deadline-ms';

/**
 * How long a request may take, milliseconds: what its caller says by `budgetHeader`, and never more than the server's own
 * deadline. Null when what the caller says is no whole number from 1 on.
 */
export function budgetMsOf(said: string | undefined, deadlineMs: number): number | null {
  if (said === undefined) return deadlineMs;
  return /^[1-9][0-9]{0,8}$/.test(said) ? Math.min(Number(said), deadlineMs) : null;
}
