/** What a page and the worker of a call's media say to each other: never a key. */

export interface StreamKind { isSealing: boolean; hasPicture: boolean }

export type ToMedia =
  | { t: 'call'; call: string }
  /** Where there is no `RTCRtpScriptTransform`. */
  | { t: 'streams'; kind: StreamKind; readable: ReadableStream; writable: WritableStream }
  | { t: 'counts' };

export interface Counts { sealed: number; opened: number; dropped: number; slowestMs: number }

export type FromMedia = { t: 'keyed' } | ({ t: 'counts' } & Counts);
