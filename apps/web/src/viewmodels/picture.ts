/**
 * One's own picture: cropped to a square, drawn small and encoded anew, so that nothing of the file goes out
 * (place, camera, time) and every copy is small.
 */
import { EngineError } from '../platform/engine';
import { PICTURE_BYTES_MAX } from './limits';

/** Sides and qualities to try, the best first; the last ones fit whatever is drawn. */
const TRIES: readonly [side: number, quality: number][] = [
  [256, 0.86], [256, 0.7], [192, 0.75], [192, 0.55], [128, 0.7], [128, 0.4], [96, 0.3],
];
/** Pixels along a side that a browser still decodes on a small device. */
const SIDE_MAX = 12_000;

/** The square out of the middle of a picture: where it begins, and its side. */
export function middleSquare(width: number, height: number): { x: number; y: number; side: number } {
  const side = Math.min(width, height);
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), side };
}

/** Draws the middle of `file` as a small picture of at most 16 KiB. */
export async function smallPicture(file: Blob): Promise<Uint8Array> {
  let source: ImageBitmap;
  try {
    source = await createImageBitmap(file);
  } catch {
    throw new EngineError('bad-picture');
  }
  try {
    if (Math.max(source.width, source.height) > SIDE_MAX) throw new EngineError('picture-too-large');
    const { x, y, side } = middleSquare(source.width, source.height);
    for (const [target, quality] of TRIES) {
      const canvas = document.createElement('canvas');
      canvas.width = target;
      canvas.height = target;
      const drawing = canvas.getContext('2d');
      if (!drawing) throw new EngineError('bad-picture');
      drawing.imageSmoothingQuality = 'high';
      drawing.drawImage(source, x, y, side, side, 0, 0, target, target);
      const encoded = await encode(canvas, quality);
      if (encoded.size <= PICTURE_BYTES_MAX) return new Uint8Array(await encoded.arrayBuffer());
    }
    throw new EngineError('picture-too-large');
  } finally {
    source.close();
  }
}

function encode(canvas: HTMLCanvasElement, quality: number): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new EngineError('bad-picture'))), 'image/webp', quality);
  });
}
