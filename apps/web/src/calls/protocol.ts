/** What a page and the worker of a call's media say to each other: never a key. */

export interface StreamKind { isSealing: boolean; hasPicture: boolean }

export type ToMedia =
  | { t: 'call'; call: string }
  /** Where there is no `RTCRtpScriptTransform`. */
  | { t: 'streams'; kind: StreamKind; readable: ReadableStream; writable: WritableStream };

/** There is a key now: what came and left before it was dropped. */
export interface FromMedia { t: 'keyed' }
