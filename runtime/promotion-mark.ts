import { join } from 'node:path';
import { z } from 'zod';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { readTextIfAny, removeIfAny, syncDirectory, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { WeirError } from '../core/contract/failure.ts';

const markSchema = z.object({ replayId: z.string(), offset: z.number(), generation: z.number() });

/** A promotion that has begun: `promotion.json` of a run, from its first step to its last. */
export type PromotionMark = z.infer<typeof markSchema>;

/** The promotion of a run that is under way; null where there is none. */
export function readPromotion(out: string, disk: Disk = realDisk): PromotionMark | null {
  const text = readTextIfAny(disk, pathOf(out));
  return text === null ? null : markSchema.parse(JSON.parse(text));
}

/** Writes down that a promotion has begun: nobody opens the run until it has ended. */
export function beginPromotion(out: string, mark: PromotionMark): void {
  writeDurably(realDisk, pathOf(out), (fd) => writeFully(realDisk, fd, Buffer.from(`${JSON.stringify(mark)}\n`)));
}

/** Lets others open the run again. */
export function endPromotion(out: string): void {
  removeIfAny(realDisk, pathOf(out));
  syncDirectory(realDisk, out);
}

/** Throws `PROMOTION_UNFINISHED` while a promotion is under way: what decides from where on is not settled yet. */
export function assertNoPromotion(out: string, disk: Disk = realDisk): void {
  const mark = readPromotion(out, disk);
  if (mark === null) return;
  throw new WeirError({
    code: 'PROMOTION_UNFINISHED',
    message: `${out}: the promotion of the replay ${mark.replayId} has begun and not ended`,
    fix: `weir replay approve ${mark.replayId} --out ${out} --yes goes on with it.`,
    facts: { out, replayId: mark.replayId },
  });
}

function pathOf(out: string): string {
  return join(out, 'promotion.json');
}
