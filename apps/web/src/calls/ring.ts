/** The tone of a call, made here: two soft notes that come (here), one that waits (there). */

const EVERY_MS = 2_400;
const GAIN = 0.12;

export function ring(isHere: boolean): () => void {
  const context = new AudioContext();
  const notes = isHere ? [523.25, 659.25] : [440];
  const sound = (): void => {
    notes.forEach((frequency, at) => {
      const begin = context.currentTime + at * 0.32;
      const [tone, gain] = [context.createOscillator(), context.createGain()];
      tone.frequency.value = frequency;
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(GAIN, begin + 0.04);
      gain.gain.exponentialRampToValueAtTime(0.001, begin + 0.9);
      tone.connect(gain).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + 1);
    });
  };
  sound();
  const timer = setInterval(sound, EVERY_MS);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
