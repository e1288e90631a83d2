// A process that is started with `--import` of this file has a wall clock that is off by WEIR_CLOCK_SHIFT_MS; what measures
// lengths of time, such as timers, goes on as it should.
const shiftMs = Number(process.env['WEIR_CLOCK_SHIFT_MS'] ?? 0);
const RightDate = Date;

class ShiftedDate extends RightDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(RightDate.now() + shiftMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return RightDate.now() + shiftMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
