/** What a failure tells: the code is stable, the facts are numbers and names and never card data, the fix is what to do next. */
export type FailureDetails = {
  /** Upper snake case, such as `DISK_FULL`; tests and scripts match on it, never on the message. */
  readonly code: string;
  /** One sentence that says what came and what was expected. */
  readonly message: string;
  /** The command or action to do next; the empty string when there is none. */
  readonly fix?: string;
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>;
  readonly cause?: unknown;
};

/** A failure outside the program (disk, file, configuration, another owner). A bug throws a plain assertion instead. */
export class WeirError extends Error {
  override readonly name = 'WeirError';
  readonly code: string;
  readonly fix: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;

  constructor({ code, message, fix = '', facts = {}, cause }: FailureDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.fix = fix;
    this.facts = facts;
  }
}
