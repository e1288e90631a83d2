/** A planted bug: texts of the product, each found exactly once, and what stands there instead. */
export type Mutant = {
  readonly name: string;
  /** Whose bug it is; every seed runs this engine then. */
  readonly engine?: 'readable' | 'columnar';
  readonly patches: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
};

/** The bugs that the simulator must find. */
export const mutants: readonly Mutant[] = [
  one('the fence is open', {
    file: 'adapters/files/owner-lock.ts',
    find: 'if (current === null || !isSame(current, record)) throw fenced(',
    replace: 'if (current === null) throw fenced(',
  }),
  {
    name: 'the checkpoint comes before the sinks',
    patches: [
      {
        file: 'runtime/embedded.ts',
        find: '    await this.#cut.finish(cut.endOffset, assertOwner);\n',
        replace: '',
      },
      {
        file: 'runtime/embedded.ts',
        find: '    this.#journal.clear(this.#nextOffset);\n',
        replace:
          '    await this.#cut.finish(cut.endOffset, assertOwner);\n    this.#journal.clear(this.#nextOffset);\n',
      },
    ],
  },
  one('a window is closed on the left', {
    file: 'core/engine/entry.ts',
    find: 'if (entryAt(entries, middle).eventTimeMs <= timeMs) low = middle + 1;',
    replace: 'if (entryAt(entries, middle).eventTimeMs < timeMs) low = middle + 1;',
  }),
  one('a revision is forgotten', {
    file: 'core/features/revise.ts',
    find: '  row.revision += 1;\n',
    replace: '',
  }),
  one('an idempotency key is used for two events', {
    file: 'core/contract/idempotency-key.ts',
    find: 'JSON.stringify([topic, tenantId, key, eventId])',
    replace: 'JSON.stringify([topic, tenantId, eventId])',
  }),
  one('ids are forgotten when a process ends', {
    file: 'runtime/known-ids.ts',
    find: '  index.eachIdWords(filter.addWords);\n',
    replace: '',
  }),
  one('a dead letter is dropped', {
    file: 'core/sinks/tables.ts',
    find: 'effects.deadLetters.map(deadLetterRow)',
    replace: 'effects.deadLetters.slice(1).map(deadLetterRow)',
  }),
  one('the late are judged without the lateness', {
    file: 'core/engine/admission.ts',
    find: 'candidate.eventTimeMs > watermarkMs - candidate.allowedLatenessMs ?',
    replace: 'candidate.eventTimeMs > watermarkMs ?',
  }),
  one('holds expire too early', {
    file: 'core/sinks/ledger.ts',
    find: "addTimer(state.timers, { timeMs: hold.expiryTimeMs, offset, value: { kind: 'expiry'",
    replace: "addTimer(state.timers, { timeMs: hold.expiryTimeMs - 1000, offset, value: { kind: 'expiry'",
  }),
  one('the log is not synced', {
    file: 'runtime/embedded.ts',
    find: '    this.#log.sync();\n',
    replace: '',
  }),
  one('a log that is opened is not synced', {
    file: 'adapters/files/segment-log.ts',
    find: '    if (scan.endOffset > this.#active.firstOffset) this.sync();\n    syncDirectory(disk, dir);\n',
    replace: '',
  }),
  one('an owner that was taken over appends', {
    file: 'runtime/embedded.ts',
    find: '    if (incoming.length === 0) return;\n    this.#owner.assertOwner();\n',
    replace: '    if (incoming.length === 0) return;\n',
  }),
  one('an owner that was taken over writes ids', {
    file: 'runtime/embedded.ts',
    find: '    assertOwner();\n    writeKeyIndex(',
    replace: '    writeKeyIndex(',
  }),
  one('the journal is not synced', {
    file: 'runtime/journal.ts',
    find: '      log.sync();\n',
    replace: '',
  }),
  one('nothing is adopted from the journal', {
    file: 'runtime/embedded.ts',
    find: '= this.#journal.recorded(this.#nextOffset, records.length);',
    replace: '= new Map();',
  }),
  one('a short cut clears what is still to be adopted', {
    file: 'runtime/journal.ts',
    find: '      if (recordedEndOffset > endOffset) return;\n',
    replace: '',
  }),
  one('columns: a short cut clears what is still to be adopted', {
    file: 'runtime/back-shell.ts',
    find: 'if (this.#options.recorded.endOffset <= endOffset) journal.remove();',
    replace: 'if (endOffset > 0) journal.remove();',
  }),
  {
    name: 'the watermark moves back',
    patches: [
      {
        file: 'core/engine/watermark.ts',
        find: '  if (watermarkMs <= watermarkMsOf(watermarks, input)) {',
        replace: '  if (watermarkMs === watermarkMsOf(watermarks, input)) {',
      },
      {
        file: 'core/engine/watermark.ts',
        find: 'watermarks.stateMs = Math.max(watermarks.stateMs, minimumMs);',
        replace: 'watermarks.stateMs = minimumMs;',
      },
    ],
  },
  one('the chain leaves out an entry', {
    file: 'core/sinks/chain.ts',
    find: 'const filled = appendEntry(open, entryBytes(entry));',
    replace: 'const filled = appendEntry(open, sequence === 7 ? new Uint8Array() : entryBytes(entry));',
  }),
  one('the lake keeps a cut that was undone', {
    file: 'runtime/embedded.ts',
    find: '    this.#lake.removeFrom(this.#nextOffset);\n',
    replace: '',
  }),
  one('a new name is not synced', {
    file: 'adapters/files/durable-file.ts',
    find: '  writeRenamed(disk, path, write);\n  syncDirectory(disk, dirname(path));\n',
    replace: '  writeRenamed(disk, path, write);\n',
  }),
  one('a directory that a crash left is not synced', {
    file: 'adapters/files/durable-file.ts',
    find: 'if (existsOn(disk, dir)) return syncIfAllowed(disk, parent);',
    replace: 'if (existsOn(disk, dir)) return undefined;',
  }),
  one('a short write is taken for a whole one', {
    file: 'adapters/files/durable-file.ts',
    find: 'while (written < bytes.length) written += disk.write(fd, bytes, written, null);',
    replace: 'while (written === 0 && bytes.length > 0) written += disk.write(fd, bytes, written, null);',
  }),
  one('columns: the journal is not synced', {
    file: 'runtime/columnar.ts',
    find: 'await Promise.all([this.#output.log.syncSoon(), this.#back.syncSoon()]);',
    replace: 'await this.#output.log.syncSoon();',
  }),
  one('columns: the lake keeps a cut that was undone', {
    file: 'runtime/columnar-opening.ts',
    find: "  openLake({ dir: join(dir, 'lake'), disk }).removeFrom(fromOffset);\n",
    replace: '',
  }),
  one('columns: nothing is adopted from the journal', {
    file: 'runtime/back-shell.ts',
    find: 'const kept = recorded.count === 0 ? {} : {',
    replace: 'const kept = recorded.count >= 0 ? {} : {',
  }),
];

function one(name: string, patch: Mutant['patches'][number]): Mutant {
  return name.startsWith('columns:') ? { name, engine: 'columnar', patches: [patch] } : { name, patches: [patch] };
}
