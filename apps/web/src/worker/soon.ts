/** A task after the events that wait already: what they ask for is done together. */
export function soon(work: () => void): () => void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => work();
  return () => port2.postMessage(null);
}
