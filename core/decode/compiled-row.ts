import type { CompiledDecoder } from './compiled-decoder.ts';
import { type EventColumns, countAt } from './event-columns.ts';
import { internLikely, internView, sharedScope } from './interner.ts';

/** Writes the numbers and the ids of the event that was read last, without interning or hashing anything. */
export function writeRow(decoder: CompiledDecoder, columns: EventColumns, row: number): void {
  const { binding, spans } = decoder;
  const { starts, numbers } = spans;
  const { numberLeaves } = binding;
  columns.contract[row] = binding.contractNumber;
  columns.eventTimeMs[row] = numbers[binding.eventTimeLeaf]!;
  for (let index = 0; index < numberLeaves.length; index += 1) {
    const leaf = numberLeaves[index]!;
    columns.numbers[index]![row] = leaf >= 0 && starts[leaf]! >= 0 ? numbers[leaf]! : Number.NaN;
  }
  columns.eventIdStart[row] = columns.counts[countAt.textBytes]!;
  copyText(decoder, columns, binding.eventIdLeaf);
  columns.eventIdEnd[row] = columns.counts[countAt.textBytes]!;
  columns.targetIdStart[row] = columns.counts[countAt.textBytes]!;
  if (binding.targetLeaf >= 0) copyText(decoder, columns, binding.targetLeaf);
  columns.targetIdEnd[row] = columns.counts[countAt.textBytes]!;
}

/** Interns the texts of the event that was read last. */
export function internRow(decoder: CompiledDecoder, columns: EventColumns, row: number): void {
  const { binding, interner, spans, source, lastIds } = decoder;
  const { starts, ends } = spans;
  const { view } = source;
  const { textLeaves, tenantLeaf, keyLeaf } = binding;
  const tenant = internLikely(interner, view, starts[tenantLeaf]!, ends[tenantLeaf]!, sharedScope, lastIds.tenant);
  lastIds.tenant = tenant;
  columns.tenant[row] = tenant;
  columns.account[row] = internView(interner, view, starts[keyLeaf]!, ends[keyLeaf]!, tenant);
  for (let column = 0; column < textLeaves.length; column += 1) {
    const leaf = textLeaves[column]!;
    const isMissing = leaf < 0 || starts[leaf]! < 0;
    columns.texts[column]![row] = isMissing ? -1 : internColumn(decoder, column, leaf, tenant);
  }
}

/** Texts that all tenants share are few, so that the last one often comes again. */
function internColumn(decoder: CompiledDecoder, column: number, leaf: number, tenant: number): number {
  const { binding, interner, spans, source, lastIds } = decoder;
  const start = spans.starts[leaf]!;
  const end = spans.ends[leaf]!;
  if (binding.textIsOfTenant[column] === 1) return internView(interner, source.view, start, end, tenant);
  const ids = binding.choiceIds[column]!;
  if (ids === null) {
    const id = internLikely(interner, source.view, start, end, sharedScope, lastIds.texts[column]!);
    lastIds.texts[column] = id;
    return id;
  }
  const choice = spans.choices[leaf]!;
  if (ids[choice]! < 0) ids[choice] = internView(interner, source.view, start, end, sharedScope);
  return ids[choice]!;
}

/** Appends a text to the bytes of the ids. */
function copyText({ spans, source }: CompiledDecoder, columns: EventColumns, leaf: number): void {
  const { text, counts } = columns;
  const { view } = source;
  let at = counts[countAt.textBytes]!;
  const end = spans.ends[leaf]!;
  if (at + end - spans.starts[leaf]! > text.length) throw new RangeError('got a row beyond the room for ids');
  for (let index = spans.starts[leaf]!; index < end; index += 1) {
    text[at] = view.getUint8(index);
    at += 1;
  }
  counts[countAt.textBytes] = at;
}
