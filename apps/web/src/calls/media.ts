/** What this side of a call gives: microphone, camera, screen. Devices come and go; who sends it follows. */

/** What there is to send now. */
export interface Given {
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  screen: MediaStreamTrack | null;
  screenSound: MediaStreamTrack | null;
}

export const NOTHING: Given = { microphone: null, camera: null, screen: null, screenSound: null };

export type DeviceKind = 'audioinput' | 'audiooutput' | 'videoinput';
/** The device of each kind that the user chose; empty: the system's. */
export type Choice = Record<DeviceKind, string>;

export interface Wish { choice: Choice; isNoiseSuppressed: boolean; savesData: boolean; isBack?: boolean }

/** Bits a second that a picture may take: whoever saves, and everybody else. */
export const PICTURE_BITS = { saving: 300_000, plain: 1_700_000 } as const;

const named = (id: string): MediaTrackConstraints => (id === '' ? {} : { deviceId: { ideal: id } });

export const voiceOf = ({ choice, isNoiseSuppressed }: Wish): MediaTrackConstraints =>
  ({ ...named(choice.audioinput), echoCancellation: true, autoGainControl: true, noiseSuppression: isNoiseSuppressed });

export const pictureOf = ({ choice, savesData, isBack }: Wish): MediaTrackConstraints => ({
  ...(isBack === undefined ? named(choice.videoinput) : { facingMode: { ideal: isBack ? 'environment' : 'user' } }),
  width: { ideal: savesData ? 640 : 1_280 }, height: { ideal: savesData ? 360 : 720 }, frameRate: { max: savesData ? 15 : 30 },
});

export async function openTrack(kind: 'audio' | 'video', constraints: MediaTrackConstraints): Promise<MediaStreamTrack | null> {
  const stream = await navigator.mediaDevices.getUserMedia({ [kind]: constraints });
  return stream.getTracks()[0] ?? null;
}

/** The screen, with its sound where the browser gives it. */
export async function openScreen(): Promise<Pick<Given, 'screen' | 'screenSound'>> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: true });
  const [screen = null] = stream.getVideoTracks();
  if (screen) screen.contentHint = 'detail';
  return { screen, screenSound: stream.getAudioTracks()[0] ?? null };
}

/** Two sounds in one stream: for connections that carry one. */
export class Mix {
  #context: AudioContext | null = null;

  /** The one track that carries both; where there is but one, that. */
  of({ microphone, screenSound }: Given): MediaStreamTrack | null {
    this.stop();
    if (!microphone || !screenSound) return microphone ?? screenSound;
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    for (const track of [microphone, screenSound]) context.createMediaStreamSource(new MediaStream([track])).connect(out);
    this.#context = context;
    return out.stream.getAudioTracks()[0] ?? null;
  }

  stop(): void {
    void this.#context?.close().catch(() => undefined);
    this.#context = null;
  }
}

/** How loud a track is, 0 to 1, until the returned function is called. */
export function levelOf(track: MediaStreamTrack, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1_024;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    tell(loudness(samples));
  }, 60);
  return () => {
    clearInterval(timer);
    void context.close().catch(() => undefined);
  };
}

/** From silence (-60 dB) to full. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibel = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-9);
  return Math.min(Math.max((decibel + 60) / 60, 0), 1);
}
