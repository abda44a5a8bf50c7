/** How good a connection is, from what the browser counted. */

export type Level = 'good' | 'fair' | 'poor';

/** Sums of all streams so far. */
export interface Counted { received: number; lost: number; bytes: number; rttMs: number; atMs: number }

export interface Quality { level: Level; lossPercent: number; rttMs: number; kbits: number }

/** By which way media flows. */
export type Way = 'direct' | 'relayed';

type Report = Record<string, unknown>;
const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

/** The pair of candidates that carries the media. */
function pairOf(reports: Report[]): Report | undefined {
  const chosen = reports.find(({ type }) => type === 'transport')?.['selectedCandidatePairId'];
  return reports.find((one) => one['type'] === 'candidate-pair' && (chosen === undefined ? one['nominated'] === true : one['id'] === chosen));
}

export function count(stats: RTCStatsReport): Counted {
  const reports = [...(stats.values() as Iterable<Report>)];
  const sum: Counted = { received: 0, lost: 0, bytes: 0, rttMs: numberOf(pairOf(reports)?.['currentRoundTripTime']) * 1_000, atMs: 0 };
  for (const one of reports) {
    sum.atMs = Math.max(sum.atMs, numberOf(one['timestamp']));
    if (one['type'] === 'inbound-rtp') {
      sum.received += numberOf(one['packetsReceived']);
      sum.lost += numberOf(one['packetsLost']);
      sum.bytes += numberOf(one['bytesReceived']);
    }
  }
  return sum;
}

export function wayOf(stats: RTCStatsReport): Way | null {
  const pair = pairOf([...(stats.values() as Iterable<Report>)]);
  if (!pair) return null;
  const ends = ['localCandidateId', 'remoteCandidateId'].map((end) => stats.get(pair[end] as string) as { candidateType?: string } | undefined);
  return ends.some((end) => end?.candidateType === 'relay') ? 'relayed' : 'direct';
}

/** What happened between two counts. */
export function judge(before: Counted, now: Counted): Quality {
  const lost = Math.max(now.lost - before.lost, 0);
  const all = lost + Math.max(now.received - before.received, 0);
  const lossPercent = all === 0 ? 0 : (100 * lost) / all;
  const seconds = Math.max(now.atMs - before.atMs, 1) / 1_000;
  const kbits = (8 * Math.max(now.bytes - before.bytes, 0)) / 1_000 / seconds;
  const level = lossPercent < 2 && now.rttMs < 250 ? 'good' : lossPercent < 8 && now.rttMs < 600 ? 'fair' : 'poor';
  return { level, lossPercent, rttMs: now.rttMs, kbits };
}
