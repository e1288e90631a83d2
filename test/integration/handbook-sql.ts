/**
 * The 15 handbook features by window functions over the raw file, written for this check alone: nothing of the project's
 * definition, plan or engine goes into it. `frame` gives the window frame of the last `days`, ended `delayDays` ago.
 */
export function handbookSql(file: string, order: 'settled' | 'decision'): string {
  const payments = `(SELECT TRANSACTION_ID::VARCHAR AS id, file_row_number AS position, epoch_ms(TX_DATETIME) AS t,
    CUSTOMER_ID AS customer, TERMINAL_ID AS terminal, round(TX_AMOUNT * 100)::BIGINT AS cents, TX_FRAUD::BIGINT AS fraud
    FROM read_parquet('${file}', file_row_number = true))`;
  const customerWindows = [1, 7, 30].flatMap((days) => {
    const window = windowOf({ order, key: 'customer', days, delayDays: 0 });
    return [
      `count(*) OVER ${window} AS customer_count_${days}d`,
      `sum(cents) OVER ${window} / count(*) OVER ${window} / 100 AS customer_avg_amount_${days}d`,
    ];
  });
  const terminalWindows = [1, 7, 30].flatMap((days) => {
    const window = windowOf({ order, key: 'terminal', days, delayDays: 7 });
    return [
      `count(*) OVER ${window} AS terminal_count_${days}d`,
      `coalesce(sum(fraud) OVER ${window} / nullif(count(*) OVER ${window}, 0), 0) AS terminal_fraud_rate_${days}d`,
    ];
  });
  return `SELECT id, cents / 100 AS amount,
    (isodow(make_timestamp(t * 1000)) >= 6)::INTEGER AS weekend,
    (hour(make_timestamp(t * 1000)) <= 6)::INTEGER AS night,
    ${[...customerWindows, ...terminalWindows].join(',\n')} FROM ${payments}`;
}

type Window = {
  readonly order: 'settled' | 'decision';
  readonly key: 'customer' | 'terminal';
  readonly days: number;
  readonly delayDays: number;
};

const dayMs = 86_400_000;

/**
 * Settled: RANGE by time, same-time peers in. Decision: what the file had brought by the row, so a peer of the same
 * second counts if it stands before. Times are whole seconds, so the position is added as a fraction of the second's
 * last millisecond: `t * 2^21 + position` orders by (time, position), and each row is its own last peer.
 */
function windowOf({ order, key, days, delayDays }: Window): string {
  const sinceMs = (days + delayDays) * dayMs - 1;
  const untilMs = delayDays * dayMs;
  if (order === 'settled' || delayDays > 0) {
    const until = delayDays === 0 ? 'CURRENT ROW' : `${untilMs} PRECEDING`;
    return `(PARTITION BY ${key} ORDER BY t RANGE BETWEEN ${sinceMs} PRECEDING AND ${until})`;
  }
  const scale = 2 ** 21;
  return `(PARTITION BY ${key} ORDER BY t * ${scale} + position
    RANGE BETWEEN ${sinceMs * scale} + position PRECEDING AND CURRENT ROW)`;
}
