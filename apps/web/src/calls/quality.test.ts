import { describe, expect, test } from 'vitest';
import { type Counted, count, judge, wayOf } from './quality';

const counted = (change: Partial<Counted>): Counted => ({ received: 0, lost: 0, bytes: 0, rttMs: 0, atMs: 0, ...change });
const stats = (reports: Record<string, unknown>[]): RTCStatsReport => new Map(reports.map((one) => [one['id'] as string, one])) as unknown as RTCStatsReport;

describe('the sign of quality', () => {
  test.each([
    [{ received: 1_000, lost: 0, rttMs: 30 }, 'good'],
    [{ received: 950, lost: 50, rttMs: 30 }, 'fair'],
    [{ received: 900, lost: 100, rttMs: 30 }, 'poor'],
    [{ received: 1_000, lost: 0, rttMs: 400 }, 'fair'],
    [{ received: 1_000, lost: 0, rttMs: 900 }, 'poor'],
    [{ received: 0, lost: 0, rttMs: 10 }, 'good'],
  ] as const)('%o is %s', (now, level) => {
    expect(judge(counted({}), counted(now)).level).toBe(level);
  });

  test('only what happened since the count before is judged', () => {
    const quality = judge(counted({ received: 100, lost: 900, bytes: 1_000, atMs: 1_000 }), counted({ received: 1_100, lost: 900, bytes: 251_000, atMs: 3_000 }));
    expect(quality).toEqual({ level: 'good', lossPercent: 0, rttMs: 0, kbits: 1_000 });
  });

  test('the way is that of the chosen pair, not of one that was left', () => {
    const report = (chosen: string) => stats([
      { id: 'T', type: 'transport', selectedCandidatePairId: chosen },
      { id: 'P1', type: 'candidate-pair', nominated: true, localCandidateId: 'R', remoteCandidateId: 'H', currentRoundTripTime: 0.2 },
      { id: 'P2', type: 'candidate-pair', nominated: true, localCandidateId: 'H', remoteCandidateId: 'H', currentRoundTripTime: 0.01 },
      { id: 'R', candidateType: 'relay' }, { id: 'H', candidateType: 'host' },
      { id: 'I', type: 'inbound-rtp', packetsReceived: 7, packetsLost: 1, bytesReceived: 70, timestamp: 5 },
    ]);
    expect([wayOf(report('P1')), wayOf(report('P2')), wayOf(stats([]))]).toEqual(['relayed', 'direct', null]);
    expect(count(report('P2'))).toEqual({ received: 7, lost: 1, bytes: 70, rttMs: 10, atMs: 5 });
  });
});
