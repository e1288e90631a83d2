/** Objects of one bucket, below one prefix. Keys are relative to it. Failures are `WeirError`s, see `s3-failure.ts`. */
export type ObjectStore = {
  /** `s3://BUCKET/PREFIX`, for messages. */
  readonly address: string;
  /** Null when there is none. */
  readonly read: (key: string) => Promise<StoredObject | null>;
  /** Writes an object, over what is there. */
  readonly write: (key: string, bytes: Uint8Array) => Promise<void>;
  /**
   * Writes an object in place of the version that was read, or where there is none (null), and gives the tag of what is there
   * now; null when another version is there. It is the one write that decides between owners.
   */
  readonly swap: (key: string, bytes: Uint8Array, over: string | null) => Promise<string | null>;
  readonly remove: (keys: readonly string[]) => Promise<void>;
  readonly close: () => void;
};

export type StoredObject = { readonly bytes: Uint8Array; readonly tag: string };
