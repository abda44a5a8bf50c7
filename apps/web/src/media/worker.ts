/** The media worker: pictures in, pixels out ({@link MediaRequest}). */

/// <reference lib="webworker" />

import { rgbaToThumbHash, thumbHashToRGBA } from 'thumbhash';
import { type Drawn, type MediaAnswer, type MediaRequest, type Measured, PIXELS_MAX, type Prepared, SENT_SIDE_MAX, SIDE_MAX } from './protocol';
import { sizeOf } from './size';

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
/** What a thumbhash is made from, along the longer side. */
const HASH_SIDE = 100;
/** Bytes in which every format names its size. */
const HEAD_BYTES = 512 << 10;
const QUALITY = 0.82;

class Refused extends Error {
  constructor(readonly code: 'bad-picture' | 'picture-too-large') {
    super(code);
  }
}

scope.onmessage = async ({ data: request }: MessageEvent<MediaRequest>) => {
  let answer: MediaAnswer;
  const moved: Transferable[] = [];
  try {
    const value = await answerTo(request);
    if ('bitmap' in value) moved.push(value.bitmap);
    answer = { id: request.id, ok: true, value };
  } catch (error) {
    answer = { id: request.id, ok: false, code: error instanceof Refused ? error.code : 'bad-picture' };
  }
  scope.postMessage(answer, moved);
};

async function answerTo(request: MediaRequest): Promise<Prepared | Measured | Drawn> {
  switch (request.act) {
    case 'prepare': return prepare(request.data);
    case 'measure': return using(await decode(request.data), async (source) => ({ width: source.width, height: source.height, thumbhash: hashOf(source) }));
    case 'draw': return draw(request.data, request.side);
    case 'blur': {
      const { w, h, rgba } = thumbHashToRGBA(request.thumbhash);
      return { bitmap: await createImageBitmap(new ImageData(new Uint8ClampedArray(rgba), w, h)), width: w, height: h };
    }
  }
}

/** What a picture says of its size is read before a decoder makes room for it. */
async function decode(data: Blob, longer?: number): Promise<ImageBitmap> {
  const size = sizeOf(new Uint8Array(await data.slice(0, HEAD_BYTES).arrayBuffer()));
  if (!size) throw new Refused('bad-picture');
  if (Math.max(size.width, size.height) > SIDE_MAX || size.width * size.height > PIXELS_MAX) throw new Refused('picture-too-large');
  const side = size.width >= size.height ? 'resizeWidth' : 'resizeHeight';
  const isSmaller = longer !== undefined && longer < Math.max(size.width, size.height);
  return createImageBitmap(data, { imageOrientation: 'from-image', resizeQuality: 'high', ...(isSmaller ? { [side]: longer } : {}) });
}

async function using<R>(source: ImageBitmap, work: (source: ImageBitmap) => Promise<R>): Promise<R> {
  try {
    return await work(source);
  } finally {
    source.close();
  }
}

async function draw(data: Blob, side: number): Promise<Drawn> {
  const bitmap = await decode(data, side);
  return { bitmap, width: bitmap.width, height: bitmap.height };
}

async function prepare(data: Blob): Promise<Prepared> {
  return using(await decode(data, SENT_SIDE_MAX), async (source) => {
    const { width, height } = source;
    const hasAlpha = data.type === 'image/png' || data.type === 'image/webp' || data.type === 'image/gif';
    const encoded = await canvasOf(source, width, height).convertToBlob({ type: hasAlpha ? 'image/webp' : 'image/jpeg', quality: QUALITY });
    return { data: encoded, width, height, thumbhash: hashOf(source) };
  });
}

function canvasOf(source: ImageBitmap, width: number, height: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const drawing = canvas.getContext('2d');
  if (!drawing) throw new Refused('bad-picture');
  drawing.imageSmoothingQuality = 'high';
  drawing.drawImage(source, 0, 0, width, height);
  return canvas;
}

function hashOf(source: ImageBitmap): Uint8Array {
  const scale = Math.min(1, HASH_SIDE / Math.max(source.width, source.height));
  const [width, height] = [Math.max(1, Math.round(source.width * scale)), Math.max(1, Math.round(source.height * scale))];
  const drawing = canvasOf(source, width, height).getContext('2d');
  if (!drawing) throw new Refused('bad-picture');
  return rgbaToThumbHash(width, height, drawing.getImageData(0, 0, width, height).data);
}
