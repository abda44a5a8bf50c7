/** A voice note while it is spoken: time, loudness, and at the end a file. */
import type { OutgoingFile } from '../platform/engine';
import { t } from '../platform/i18n';
import { base64Of } from './files';
import { toasts } from './toast.svelte';

/** The longest voice note. */
const LENGTH_MAX_MS = 30 * 60_000;
const LEVEL_EVERY_MS = 50;
/** Levels that are sent (`docs/spec/FILES.md`, s.4). */
const WAVEFORM_BYTES = 96;
const TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];

export class Recorder {
  isRecording = $state(false);
  ms = $state(0);
  /** The latest levels, 0 to 255, for the eye. */
  levels: number[] = $state.raw([]);
  #all: number[] = [];
  #recorder: MediaRecorder | null = null;
  #chunks: Blob[] = [];
  #beganAt = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #context: AudioContext | null = null;

  /** False where the browser or its user did not give a microphone; that was said. */
  async start(): Promise<boolean> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    } catch (error) {
      toasts.say(t(error instanceof DOMException && error.name === 'NotFoundError' ? 'record-none' : 'record-refused'));
      return false;
    }
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(stream, { ...(mimeType ? { mimeType } : {}), audioBitsPerSecond: 32_000 });
    this.#chunks = [];
    recorder.ondataavailable = (event) => { if (event.data.size > 0) this.#chunks.push(event.data); };
    recorder.start(1_000);
    this.#recorder = recorder;
    this.#beganAt = performance.now();
    this.#all = [];
    this.levels = [];
    this.ms = 0;
    this.isRecording = true;
    this.#listen(stream);
    return true;
  }

  /** Ends it; the note, or null where there was nothing to hear. */
  async finish(): Promise<OutgoingFile | null> {
    const recorder = this.#recorder;
    if (!recorder) return null;
    const durationMs = Math.round(performance.now() - this.#beganAt);
    const ended = new Promise<void>((resolve) => { recorder.onstop = () => resolve(); });
    this.#end();
    await ended;
    const mediaType = (recorder.mimeType || 'audio/webm').split(';')[0]!;
    const data = new Blob(this.#chunks, { type: mediaType });
    this.#chunks = [];
    if (data.size === 0) return null;
    const ending = mediaType === 'audio/mp4' ? 'm4a' : mediaType === 'audio/ogg' ? 'ogg' : 'webm';
    return {
      data, name: `voice.${ending}`, mediaType, width: null, height: null, durationMs, thumbhash: null, waveform: base64Of(shrink(this.#all, WAVEFORM_BYTES)), isVoice: true,
    };
  }

  throwAway(): void {
    this.#end();
    this.#chunks = [];
  }

  #listen(stream: MediaStream): void {
    const context = new AudioContext();
    this.#context = context;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1_024;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#ticking = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, one) => sum + one * one, 0) / samples.length;
      // 60 dB of loudness on 256 steps: speech stands in the upper half, a quiet room at the bottom.
      const decibels = power > 0 ? 10 * Math.log10(power) : -100;
      this.#all.push(Math.round(Math.max(0, Math.min(1, (decibels + 60) / 54)) * 255));
      this.levels = this.#all.slice(-64);
      this.ms = performance.now() - this.#beganAt;
      if (this.ms >= LENGTH_MAX_MS) this.#recorder?.pause();
    }, LEVEL_EVERY_MS);
  }

  #end(): void {
    clearInterval(this.#ticking);
    void this.#context?.close();
    this.#context = null;
    const recorder = this.#recorder;
    this.#recorder = null;
    this.isRecording = false;
    if (!recorder) return;
    if (recorder.state !== 'inactive') recorder.stop();
    for (const track of recorder.stream.getTracks()) track.stop();
  }
}

/** The loudest of each stretch. */
export function shrink(levels: readonly number[], count: number): Uint8Array {
  const length = Math.min(count, levels.length);
  return Uint8Array.from({ length }, (_, index) => {
    const from = Math.floor((index * levels.length) / length);
    return Math.max(...levels.slice(from, Math.max(from + 1, Math.floor(((index + 1) * levels.length) / length))));
  });
}
