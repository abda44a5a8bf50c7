/** Reading QR codes with the browser's own detector, where it has one and there is a camera. */

interface Detected { rawValue: string }
interface Detector { detect(source: CanvasImageSource): Promise<Detected[]> }
type DetectorClass = new (options: { formats: string[] }) => Detector;

const LOOKS_PER_SECOND = 6;

function detectorClass(): DetectorClass | undefined {
  return (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
}

/** Whether this browser can scan: it has a detector and may be asked for a camera. */
export function mayScan(): boolean {
  return detectorClass() !== undefined && globalThis.navigator?.mediaDevices?.getUserMedia !== undefined;
}

/**
 * Shows the camera in `video` and hands on each text it reads until `onfound` says that it was the right one.
 * Answers with how to stop; throws where the camera is refused.
 */
export async function scan(video: HTMLVideoElement, onfound: (text: string) => boolean): Promise<() => void> {
  const Class = detectorClass();
  if (!Class) throw new Error('no detector');
  const detector = new Class({ formats: ['qr_code'] });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' }, audio: false });
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
    clearInterval(looking);
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  let isLooking = false;
  const looking = setInterval(() => {
    if (isLooking || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    isLooking = true;
    detector.detect(video).then(
      (found) => {
        isLooking = false;
        if (!isStopped && found.some(({ rawValue }) => onfound(rawValue))) stop();
      },
      () => { isLooking = false; },
    );
  }, 1_000 / LOOKS_PER_SECOND);
  video.srcObject = stream;
  await video.play();
  return stop;
}
