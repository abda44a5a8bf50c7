/** Lets an element play what may be another stream the next time. */

import { preferences } from '../../viewmodels/preferences.svelte';
import { canChooseSpeaker } from '../../viewmodels/devices.svelte';

/** `onsize` hears how wide the picture is; a stream without one says 0. */
export const plays = (stream: MediaStream | null, onsize?: (width: number) => void) => (node: HTMLMediaElement) => {
  node.srcObject = stream;
  if (!(node instanceof HTMLVideoElement) || !onsize) return;
  const tell = (): void => onsize(node.videoWidth);
  node.addEventListener('resize', tell);
  return () => node.removeEventListener('resize', tell);
};

/** Sends its sound to the chosen speaker, where the browser lets us. */
export const speaks = (node: HTMLMediaElement) => {
  const id = preferences.devices.audiooutput;
  if (canChooseSpeaker()) void node.setSinkId(id).catch(() => node.setSinkId('').catch(() => undefined));
};
