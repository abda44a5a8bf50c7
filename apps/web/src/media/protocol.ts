/**
 * The seam between the page and the media worker, the one place in which bytes of others are decoded as pictures. It
 * has no access to the engine, the storage or the page; when a decoder takes it down, the next call begins another.
 */

/** Pixels along a side, and in all, of a picture that is decoded at all. */
export const SIDE_MAX = 16_384;
export const PIXELS_MAX = 64 << 20;
/** The longer side of a picture as it is sent, unless it is sent as it is. */
export const SENT_SIDE_MAX = 2_560;
/** How long one picture may take. */
export const DECODE_MS = 20_000;

export type MediaRequest =
  /** Decodes, shrinks and encodes anew: what comes out holds pixels and nothing else. */
  | { id: number; act: 'prepare'; data: Blob }
  /** A preview and the size of a picture that is sent as it is. */
  | { id: number; act: 'measure'; data: Blob }
  /** Pixels for the screen, at most `side` along the longer side. */
  | { id: number; act: 'draw'; data: Blob; side: number }
  | { id: number; act: 'blur'; thumbhash: Uint8Array };

export interface Prepared { data: Blob; width: number; height: number; thumbhash: Uint8Array }
export interface Measured { width: number; height: number; thumbhash: Uint8Array }
export interface Drawn { bitmap: ImageBitmap; width: number; height: number }

export type MediaAnswer =
  | { id: number; ok: true; value: Prepared | Measured | Drawn }
  | { id: number; ok: false; code: 'bad-picture' | 'picture-too-large' };
