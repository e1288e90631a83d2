/** A place in a source partition: a Kafka offset, or a Kinesis sequence number with the number of the record inside it. */
export type SourcePosition = { readonly sequence: string; readonly subsequence: number };

/** How far a source partition is committed. */
export type PartitionProgress = {
  /** Of the last record that is committed; null before the first. */
  readonly position: SourcePosition | null;
  /** The offset that the next record gets where its source counts none. */
  readonly nextOffset: number;
  /** The watermark of each input, and the least of them. */
  readonly inputs: readonly (readonly [input: string, watermarkMs: number])[];
  readonly stateMs: number | null;
};

/** A source partition as its owner found it. */
export type Claim = { readonly source: string; readonly epoch: number; readonly progress: PartitionProgress };

/** An account's state as it is kept. */
export type KeptState = {
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly appliedOffset: number;
  /** Of the owner that wrote it. */
  readonly epoch: number;
  /** Further items that hold its bytes. */
  readonly blocks: number;
};

/** A kept event, and the record that it was taken from. */
export type KeptRecord = { readonly source: string; readonly offset: number; readonly bytes: Uint8Array };

/** What went aside: a dead letter or a late event. */
export type AsideItem = {
  readonly source: string;
  readonly offset: number;
  readonly kind: 'deadLetter' | 'late';
  readonly code: string;
  /** The reason, as JSON. */
  readonly detail: string;
  readonly contract: string;
  /** Of the record: what chose its partition. */
  readonly key: string;
  /** The original bytes, or the event as JSON. */
  readonly bytes: Uint8Array;
};

/**
 * Where the keyed run keeps what it remembers. Each write is conditional, and repeated it changes nothing; each failure is a
 * `WeirError`. `FENCED`: another owner has taken the partition.
 */
export type KeyedPort = {
  /** Takes a partition over: whoever had it is fenced off from here on. */
  readonly claim: (source: string) => Promise<Claim>;
  readonly loadStates: (keys: readonly string[]) => Promise<ReadonlyMap<string, KeptState>>;
  readonly findEvents: (idHashes: readonly string[]) => Promise<ReadonlyMap<string, KeptRecord>>;
  /** Keeps an event unless its id is kept already; what is kept under the id. */
  readonly keepEvent: (idHash: string, event: KeptRecord) => Promise<KeptRecord>;
  readonly saveState: (save: {
    readonly claim: Claim;
    readonly key: string;
    readonly bytes: Uint8Array;
    readonly appliedOffset: number;
    /** As it was loaded; null for a new account. */
    readonly before: KeptState | null;
  }) => Promise<void>;
  /** Keeps what decisions were made by, under its mark, before the first of them. */
  readonly keepReferences: (mark: string, json: string) => Promise<void>;
  /** The same again; null where there is none. */
  readonly findReferences: (mark: string) => Promise<string | null>;
  readonly setAside: (item: AsideItem) => Promise<void>;
  /** Commits the partition's progress, last of all. */
  readonly commit: (claim: Claim, progress: PartitionProgress) => Promise<void>;
};

/** What one record asks of everything that is kept: all of it, or nothing. */
export type KeyedStep = {
  /** As its source was looked at. */
  readonly claim: Claim;
  readonly progress: PartitionProgress;
  readonly aside: readonly AsideItem[];
  /** Null for a record that was not accepted. */
  readonly taken: {
    readonly idHash: string;
    readonly event: KeptRecord;
    readonly key: string;
    readonly bytes: Uint8Array;
    readonly appliedOffset: number;
    readonly before: KeptState | null;
  } | null;
};

/**
 * Where decisions are kept that somebody waits for. Nobody brings such a record again: so all that it asks is kept at once,
 * and nobody owns its source. Each failure is a `WeirError`.
 */
export type RequestPort = Pick<KeyedPort, 'loadStates' | 'findEvents' | 'keepReferences' | 'findReferences'> & {
  /** A source as it stands; takes nothing over. */
  readonly look: (source: string) => Promise<Claim>;
  /** Keeps the step; false when somebody has written there since the look, and nothing is kept. */
  readonly commitAtOnce: (step: KeyedStep) => Promise<boolean>;
};
