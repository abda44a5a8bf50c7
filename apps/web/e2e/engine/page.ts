/** The bare engine on a page, for tests that speak to it without views. */

import { connect } from '../../src/platform/connect';
import type { Engine, Topic } from '../../src/platform/engine';

const engine = connect();

/** The first snapshot of a topic for which a condition holds; the condition is asked again with each. */
function until<T>(topic: Topic, key: unknown[], isDone: (snapshot: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const stop = engine.watch(topic, key as never, (snapshot) => {
      if (!isDone(snapshot as T)) return;
      queueMicrotask(() => stop());
      resolve(snapshot as T);
    });
  });
}

export interface Harness {
  engine: Engine;
  until: typeof until;
  /** What arrived as news. */
  arrivals: string[];
  boots: string[];
}

const harness: Harness = { engine, until, arrivals: [], boots: [] };
engine.onArrival((entries) => {
  harness.arrivals.push(...entries.map((entry) => (entry.body.kind === 'text' ? entry.body.text : entry.body.kind)));
});
engine.onBoot((boot) => harness.boots.push(boot.state === 'stopped' ? boot.reason : boot.state));
(globalThis as unknown as { harness: Harness }).harness = harness;
