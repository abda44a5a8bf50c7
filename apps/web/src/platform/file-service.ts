/**
 * Files for the browser's own players and downloads: `/file/<entry>/<index>`, answered by the service worker alone,
 * slice by slice, from a tab whose engine fetches, checks and opens them. Nothing opened is ever kept: not in the
 * cache, not on the disk, and no more in memory than what a player is about to play.
 */

export interface ServedFile { name: string; mediaType: string; bytes: number }

/** A slice of a file, from `offset` on; at most `length` bytes. */
export type ReadSlice = (offset: number, length: number) => Promise<{ file: ServedFile; data: Uint8Array<ArrayBuffer> }>;

export interface FilePath { entry: number; index: number; isSaved: boolean }

/** What crosses between the service worker and a tab, beside a port for the answer. */
export interface FileRequest { type: 'file'; entry: number; index: number; offset: number; length: number }
export type FileReply = { file: ServedFile; data: Uint8Array<ArrayBuffer> } | { error: string };

const SLICE_BYTES = 1 << 20;
/** What a player may be handed as what it claims to be; everything else is bytes. */
const PLAYED = /^(audio|video)\/[a-z0-9.+-]{1,64}$/;

export function parseFilePath(url: URL): FilePath | null {
  const found = /^\/file\/(\d{1,15})\/(\d{1,4})$/.exec(url.pathname);
  return found ? { entry: Number(found[1]), index: Number(found[2]), isSaved: url.search === '?save' } : null;
}

/** The range that a header asks of `bytes` (RFC 9110, s.14.1.2); null: the whole; 'none': it cannot be had. */
export function parseRange(header: string | null, bytes: number): { from: number; to: number } | null | 'none' {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!found || (found[1] === '' && found[2] === '')) return null;
  if (found[1] === '') {
    const suffix = Math.min(Number(found[2]), bytes);
    return suffix === 0 ? 'none' : { from: bytes - suffix, to: bytes - 1 };
  }
  const from = Number(found[1]);
  const to = found[2] === '' ? bytes - 1 : Math.min(Number(found[2]), bytes - 1);
  return from >= bytes || to < from ? 'none' : { from, to };
}

/** Streams a file, or the range of it that was asked for. */
export async function serveFile(range: string | null, isSaved: boolean, read: ReadSlice): Promise<Response> {
  const { file } = await read(0, 0);
  const wanted = parseRange(range, file.bytes);
  const isPlayed = !isSaved && PLAYED.test(file.mediaType);
  const headers = new Headers({
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
    'content-type': isPlayed ? file.mediaType : 'application/octet-stream',
    // Whatever it is, it is no page of ours.
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  });
  if (!isPlayed) headers.set('content-disposition', `attachment; filename*=UTF-8''${encode(file.name)}`);
  if (wanted === 'none') {
    headers.set('content-range', `bytes */${file.bytes}`);
    return new Response(null, { status: 416, headers });
  }
  const { from, to } = wanted ?? { from: 0, to: file.bytes - 1 };
  headers.set('content-length', String(to - from + 1));
  if (wanted) headers.set('content-range', `bytes ${from}-${to}/${file.bytes}`);
  return new Response(slices(from, to + 1, read), { status: wanted ? 206 : 200, headers });
}

/** Reads ahead of nothing: a slice is asked for when the last one was taken. */
function slices(from: number, end: number, read: ReadSlice): ReadableStream<Uint8Array> {
  let at = from;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at >= end) {
        controller.close();
        return;
      }
      try {
        const { data } = await read(at, Math.min(SLICE_BYTES, end - at));
        if (data.length === 0) throw new Error('short');
        at += data.length;
        controller.enqueue(data);
      } catch (error) {
        controller.error(error);
      }
    },
  }, { highWaterMark: 1 });
}

/** RFC 8187 wants more escaped than URLs do. */
function encode(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
