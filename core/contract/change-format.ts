/** The envelopes of database changes that are read: of Debezium, AWS DMS and Maxwell. */
export const changeFormats = ['debezium', 'dms', 'maxwell'] as const;
export type ChangeFormat = (typeof changeFormats)[number];
