/** What is said about a file: what kind it is, how far it has come, how its picture is laid out. */
import { EngineError, type FileItem, type FileKind, type Transfer } from '../platform/engine';
import { errorText } from '../platform/errors';
import { formatBytes, formatDuration, formatNumber, t } from '../platform/i18n';

/** Pictures that every browser draws. */
const DRAWN = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif', 'image/bmp']);

export function kindOf(mediaType: string): FileKind {
  if (DRAWN.has(mediaType)) return 'photo';
  if (mediaType.startsWith('video/')) return 'video';
  return mediaType.startsWith('audio/') ? 'audio' : 'file';
}

export const isPicture = (file: Pick<FileItem, 'kind'>): boolean => file.kind === 'photo' || file.kind === 'video';

/** From 0 to 1; null where nothing moves. */
export function progressOf(file: Pick<FileItem, 'bytes' | 'transfer'>): number | null {
  const { transfer } = file;
  if (transfer.state === 'here' || transfer.state === 'away') return null;
  return file.bytes === 0 ? 0 : Math.min(1, transfer.done / file.bytes);
}

/** Still on its way, or waiting to be. */
export const isUnderWay = ({ state }: Transfer): boolean => state === 'queued' || state === 'moving' || state === 'paused';

/** The parts of the line under a name: amount, speed, time left; or why it waits. */
export function transferLine(file: FileItem): string[] {
  const { transfer, bytes } = file;
  switch (transfer.state) {
    case 'here':
    case 'away': return [formatBytes(bytes)];
    case 'queued': return [t('file-queued'), formatBytes(bytes)];
    case 'moving': {
      const parts = [t('file-done', { done: formatBytes(transfer.done), bytes: formatBytes(bytes) })];
      if (transfer.bytesPerSecond !== null) parts.push(t('file-speed', { speed: formatBytes(transfer.bytesPerSecond) }));
      if (transfer.secondsLeft !== null) parts.push(t('file-left', { time: leftText(transfer.secondsLeft) }));
      return parts;
    }
    case 'paused': return [t(`file-paused-${transfer.reason}`)];
    case 'failed': return [errorText(new EngineError(transfer.code))];
  }
}

/** Rounded, for nobody counts along. */
function leftText(seconds: number): string {
  const steps: readonly [above: number, step: number][] = [[3_600, 3_600], [60, 60], [20, 10], [0, 5]];
  const step = steps.find(([above]) => seconds >= above)?.[1] ?? 5;
  return formatDuration(Math.max(step, Math.ceil(seconds / step) * step));
}

/** What stands for files in one line: of the list, a quote, a notification. */
export function filesLine(files: readonly Pick<FileItem, 'kind' | 'name' | 'durationMs'>[], caption: string): string {
  const [first] = files;
  if (!first) return caption;
  const isOfOneKind = files.every((file) => file.kind === first.kind);
  const name = first.kind === 'file' || first.kind === 'audio';
  const what = !isOfOneKind ? t('files-mixed', { count: files.length })
    : files.length === 1 && name ? first.name
    : t(`files-${first.kind}`, { count: files.length });
  return caption ? `${what} · ${caption}` : what;
}

/** "0:07", "12:40", "1:02:03". */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number) => formatNumber(value, { minimumIntegerDigits: 2 });
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${formatNumber(hours)}:${two(minutes)}:${two(seconds % 60)}` : `${formatNumber(minutes)}:${two(seconds % 60)}`;
}

/** Pictures shown of an album; the last one says how many more there are. */
export const TILES_MAX = 5;
/** The narrowest and widest a lone picture is drawn; beyond these it is cut. */
const RATIO_MIN = 0.6;
const RATIO_MAX = 2.2;

/** Width over height of a lone picture's place, known before a byte of it is here. */
export function ratioOf({ width, height }: Pick<FileItem, 'width' | 'height'>): number {
  if (!width || !height) return 4 / 3;
  return Math.min(RATIO_MAX, Math.max(RATIO_MIN, width / height));
}

/** Small bytes in a snapshot. */
export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
export const base64Of = (bytes: Uint8Array): string => btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(''));

/** `levels` as `count` bars between 0.08 and 1, the loudest of each stretch. */
export function bars(levels: Uint8Array | null, count: number): number[] {
  if (!levels || levels.length === 0) return Array.from({ length: count }, () => 0.08);
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * levels.length) / count);
    const to = Math.max(from + 1, Math.floor(((index + 1) * levels.length) / count));
    return Math.max(0.08, Math.max(...levels.subarray(from, to)) / 255);
  });
}

/** Where the service worker hands out a file, in slices that were checked and opened (`src/sw.ts`). */
export function fileUrl(entry: number, file: Pick<FileItem, 'index'>): string {
  return `/file/${entry}/${file.index}`;
}
