/** How much fits, as the wire counts it: bytes of UTF-8. */

/** A name or a title (`NAME_BYTES_MAX` of crates/wire). */
export const NAME_BYTES_MAX = 128;
/** A word to whoever is asked (`NOTE_BYTES_MAX` of crates/wire). */
export const NOTE_BYTES_MAX = 500;
/** An encoded picture. */
export const PICTURE_BYTES_MAX = 16_384;
/** Words of a recovery phrase. */
export const RECOVERY_WORDS = 24;

/** Whether `text` takes at most `limit` bytes. */
export function fitsBytes(text: string, limit: number): boolean {
  return new TextEncoder().encode(text).length <= limit;
}
