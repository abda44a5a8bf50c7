import { describe, expect, test } from 'vitest';
import { type ReadSlice, parseFilePath, parseRange, serveFile } from './file-service';

const CONTENT = Uint8Array.from({ length: 2_500_000 }, (_, at) => at % 251);
const reader = (name: string, mediaType: string): ReadSlice => async (offset, length) =>
  ({ file: { name, mediaType, bytes: CONTENT.length }, data: CONTENT.slice(offset, offset + length) });
const bodyOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

describe('files for players and downloads', () => {
  test('a whole file comes in slices, a range in its place', async () => {
    const whole = await serveFile(null, false, reader('a.mp4', 'video/mp4'));
    expect([whole.status, whole.headers.get('content-type'), whole.headers.get('content-length')]).toEqual([200, 'video/mp4', '2500000']);
    expect(Buffer.compare(await bodyOf(whole), CONTENT)).toBe(0);
    const part = await serveFile('bytes=1048570-1048590', false, reader('a.mp4', 'video/mp4'));
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 1048570-1048590/2500000']);
    expect(await bodyOf(part)).toEqual(CONTENT.slice(1_048_570, 1_048_591));
  });

  test('ranges follow RFC 9110', () => {
    const ranges: [string | null, ReturnType<typeof parseRange>][] = [
      [null, null], ['bytes=0-', { from: 0, to: 9 }], ['bytes=-3', { from: 7, to: 9 }], ['bytes=-30', { from: 0, to: 9 }], ['bytes=4-400', { from: 4, to: 9 }],
      ['bytes=10-', 'none'], ['bytes=5-4', 'none'], ['bytes=-0', 'none'], ['bytes=0-1,3-4', null], ['lines=1-2', null], ['bytes=-', null],
    ];
    for (const [header, range] of ranges) expect(parseRange(header, 10), String(header)).toEqual(range);
  });

  test('a page that somebody sent is never a page of ours', async () => {
    for (const isSaved of [true, false]) {
      const response = await serveFile(null, isSaved, reader("it's (one).html", 'text/html'));
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      expect(response.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''it%27s%20%28one%29.html");
      expect(response.headers.get('content-security-policy')).toContain('sandbox');
    }
    expect((await serveFile('bytes=9999999-', false, reader('a', 'audio/ogg'))).status).toBe(416);
  });

  test('a reader that fails ends the stream with an error, not with a short file', async () => {
    const response = await serveFile(null, false, async (offset) => {
      if (offset > 0) throw new Error('gone');
      return { file: { name: 'a', mediaType: 'audio/ogg', bytes: 10 }, data: new Uint8Array(5) };
    });
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  test('only whole numbers name a file', () => {
    expect(parseFilePath(new URL('http://x/file/12/0?save'))).toEqual({ entry: 12, index: 0, isSaved: true });
    for (const path of ['/file/12', '/file/a/0', '/file/12/0/1', '/files/12/0', '/file/-1/0']) expect(parseFilePath(new URL(`http://x${path}`))).toBeNull();
  });
});
