/** The bytes of a file for the eye, from the engine, slice by slice; and a file for the user's own disk. */
import { type Engine, EngineError, type EntryId, type FileItem } from '../platform/engine';
import { fileUrl } from './files';

/** One slice that crosses from the worker. */
const SLICE_BYTES = 1 << 20;
/** A picture that is drawn from memory; larger ones are saved, not shown. */
const WHOLE_BYTES_MAX = 96 << 20;

/** A whole file; for pictures alone, everything else is streamed. */
export async function readWhole(engine: Engine, entry: EntryId, file: FileItem): Promise<Blob> {
  if (file.bytes > WHOLE_BYTES_MAX) throw new EngineError('picture-too-large');
  const slices: Uint8Array<ArrayBuffer>[] = [];
  for (let offset = 0; offset < file.bytes; ) {
    const slice = await engine.readFile({ entry, index: file.index, offset, length: SLICE_BYTES });
    if (slice.length === 0) throw new EngineError('bad-picture');
    slices.push(slice as Uint8Array<ArrayBuffer>);
    offset += slice.length;
  }
  return new Blob(slices, { type: file.mediaType });
}

/** How long a frame stays that a download began in; what streams by then goes on without it. */
const FRAME_MS = 60_000;

/**
 * Hands a file to the browser's downloads, streamed by the service worker: nothing waits in memory. It begins as a
 * frame's navigation, since what a link with `download` asks for passes every service worker by, in Chromium at least,
 * and the node has no such file.
 */
export function saveFile(entry: EntryId, file: FileItem): void {
  const frame = document.createElement('iframe');
  frame.hidden = true;
  frame.src = `${fileUrl(entry, file)}?save`;
  document.body.append(frame);
  setTimeout(() => frame.remove(), FRAME_MS);
}
