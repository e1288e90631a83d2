import type { Assembled } from '../runtime/assemble.ts';
import { rebuildColumnar } from '../runtime/rebuild-columnar.ts';
import type { RebuildProgress } from '../runtime/rebuild.ts';
import { rebuildTwin } from '../runtime/rebuild-twin.ts';
import type { EngineName } from './engine-options.ts';
import { formatCount, formatDuration } from './format.ts';
import { openScreen } from './screen.ts';
import { breathe } from './tally.ts';

/** Makes the state of an output directory again for what runs from here on; gives the offset from which it runs. */
export async function rebuildState(rebuild: {
  readonly dir: string;
  readonly assembled: Assembled;
  readonly engine: EngineName;
}): Promise<number> {
  const { dir, assembled, engine } = rebuild;
  const startMs = performance.now();
  let line = 'rebuilding';
  using _screen = openScreen(() => [line]);
  const onProgress = async ({ offset, untilOffset }: RebuildProgress): Promise<void> => {
    const elapsedMs = performance.now() - startMs;
    const left = formatDuration((elapsedMs * (untilOffset - offset)) / Math.max(1, offset));
    line = `rebuilding   ${formatCount(offset)} of ${formatCount(untilOffset)} records   about ${left} left`;
    await breathe();
  };
  if (engine === 'twin') return await rebuildTwin({ dir, weir: assembled.weir, onProgress });
  return await rebuildColumnar({ dir, assembled, onProgress });
}
