/** What a page and the worker of a room's media say to each other: never a key. */

/** What a sender sends: its context (docs/spec/CALLS.md s.9). */
export const CONTEXT = { microphone: 0, camera: 1, screen: 2, screenSound: 3 } as const;
/** With every frame of the microphone. */
export const MARK = { muted: 1, hand: 2 } as const;

/** `context` where it seals; `slot` where it opens: any name, such as the media's `mid`. */
export type RoomStream =
  | { isSealing: true; hasPicture: boolean; context: number }
  | { isSealing: false; hasPicture: boolean; slot: string };

export interface RoomSlot { mid: string; person: number; source: number; layer: number }
export interface RoomTell { people: { number: number; label: string }[]; slots: RoomSlot[] }

export type ToRoomMedia =
  | { t: 'call'; call: string }
  /** Where there is no `RTCRtpScriptTransform`. */
  | { t: 'streams'; kind: RoomStream; readable: ReadableStream; writable: WritableStream }
  /** A message of the data channel `room`: answered with `told`. */
  | { t: 'tell'; bytes: ArrayBuffer }
  /** Answered with `say`: to be sent on the data channel. */
  | { t: 'want'; slots: RoomSlot[] }
  | { t: 'marks'; marks: number };

export type FromRoomMedia =
  /** An epoch's keys are there. */
  | { t: 'keyed'; epoch: number }
  /** From now on the frames of a slot are of this leaf, and of this of its streams. */
  | { t: 'source'; slot: string; leaf: number; context: number }
  | { t: 'marks'; leaf: number; marks: number }
  | ({ t: 'told' } & RoomTell)
  | { t: 'say'; bytes: Uint8Array<ArrayBuffer> };
