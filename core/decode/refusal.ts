/** One thing that is wrong with an event: where, what came and what was expected. Values of card data are never quoted. */
export type Issue = {
  /** A path such as `location.latitude`, empty for the event as a whole. */
  readonly path: string;
  readonly got: string;
  readonly expected: string;
};

/** Why a record may be refused. */
export const refusalCodes = [
  'tooLarge',
  'notUtf8',
  'notJson',
  'tooDeep',
  'forbiddenKey',
  'unmappable',
  'unknownContract',
  'contractViolation',
  'unknownSensor',
  'future',
  'conflict',
] as const;

export type RefusalCode = (typeof refusalCodes)[number];

/** Why a record went to the dead letters. */
export type Refusal = {
  readonly code: RefusalCode;
  /** One sentence that says what came and what was expected. */
  readonly message: string;
  readonly issues: readonly Issue[];
};
