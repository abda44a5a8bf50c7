/**
 * The seam between the page and the engine: plain objects both ways, never a key, never a ciphertext.
 *
 * The engine runs in one worker of one tab (`src/worker`); every tab talks to it through {@link Engine}, whether
 * the worker is its own or another tab's. Views declare what they show as a {@link Topic} and get a whole new
 * snapshot whenever it changed; what the user does is an {@link Actions} call that answers once it is durable.
 *
 * Ids are lower-case hexadecimal, times milliseconds since the Unix epoch, durations seconds.
 */

export type ConversationId = string;
export type AccountId = string;
/** Names an entry on this device; it grows in no particular order. */
export type EntryId = number;
/** The sender's id of a message, the same on every device. */
export type MessageId = string;

/** What a fresh page finds. Everything but `ready` needs the user before topics answer. */
export type Boot =
  | { state: 'ready'; me: Me; isPersistent: boolean }
  /** No account in this browser. */
  | { state: 'empty'; defaultNode: string }
  /** The database key is wrapped with a passphrase. */
  | { state: 'locked' }
  /** A page that cannot go on; see {@link StopReason}. */
  | { state: 'stopped'; reason: StopReason };

export type StopReason =
  /** The browser gives no storage that stays; `openForThisVisit` goes on in memory, by the user's choice alone. */
  | 'storage-refused'
  /** Storage that was there is gone (cleared by the browser or its user). */
  | 'storage-lost'
  | 'storage-full'
  /** Written by a newer version of the app. */
  | 'database-newer'
  | 'database-damaged'
  /** Another tab runs an older version that does not answer; close it. */
  | 'older-tab'
  /** The browser lacks something (worker, WebAssembly, locks). */
  | 'browser-too-old'
  /** The engine stopped again and again. */
  | 'engine-stops';

export interface Me {
  account: AccountId;
  /** `account@node`, to give to others. */
  address: string;
  name: string;
  /** A data or blob URL. */
  picture: string | null;
  node: string;
}

export type Delivery = 'pending' | 'stored' | 'delivered' | 'read' | 'failed' | 'received';

export type ConversationState =
  | 'active' | 'suspect' | 'rejoining' | 'disputed' | 'leaving' | 'left' | 'restarted';

export interface ConversationRow {
  id: ConversationId;
  isDirect: boolean;
  title: string;
  /** The other's account in a conversation of two. */
  peer: AccountId | null;
  picture: string | null;
  state: ConversationState;
  memberCount: number;
  unread: number;
  isMarkedUnread: boolean;
  isPinned: boolean;
  isArchived: boolean;
  /** Until when nothing is notified; null: not muted; Infinity never comes, a far time does. */
  mutedUntilMs: number | null;
  /** Files here never go from device to device. */
  forbidsDirect: boolean;
  isBlocked: boolean;
  isVerified: boolean;
  timerSeconds: number;
  lastMs: number;
  /** The last entry, whole. */
  last: Entry | null;
  draft: string | null;
  /** Names of those who write right now. */
  typing: string[];
}

export interface Member {
  account: AccountId;
  name: string;
  picture: string | null;
  isAdmin: boolean;
  isSelf: boolean;
  isVerified: boolean;
  isContact: boolean;
}

export interface ConversationDetail {
  row: ConversationRow;
  members: Member[];
  /** We may add, remove, rename. */
  isAdmin: boolean;
  node: string;
  /** The conversation that this one goes on from. */
  restarts: ConversationId | null;
  /** An alert that blocks this conversation until the user decided. */
  alert: Alert | null;
  /** Links that lead into this group. */
  invites: Invite[];
}

export type NoticeKind =
  | 'began' | 'added' | 'removed' | 'became-admin' | 'no-longer-admin' | 'renamed' | 'ended' | 'restarted';

/** What a file is for its reader; a viewer checks for itself what it was given. */
export type FileKind = 'photo' | 'video' | 'audio' | 'voice' | 'file';

/** How far a file has come, on its way out or in. */
export type Transfer =
  /** With the node; nothing of it is here, nobody asked for it. */
  | { state: 'away' }
  /** Its turn comes. */
  | { state: 'queued'; done: number }
  | { state: 'moving'; done: number; bytesPerSecond: number | null; secondsLeft: number | null; way: 'direct' | 'node' }
  /** It goes on by itself, or when the user says so. */
  | { state: 'paused'; done: number; reason: 'user' | 'network' | 'no-room' | 'sender' }
  | { state: 'failed'; done: number; code: string }
  | { state: 'here' };

/** One file of a message, on this device. */
export interface FileItem {
  /** Its place in the message, from 0. */
  index: number;
  /** As it may be shown: no path, no control or bidirectional character. */
  name: string;
  kind: FileKind;
  mediaType: string;
  bytes: number;
  width: number | null;
  height: number | null;
  durationMs: number | null;
  /** A blurred preview: at most 32 bytes, base64. */
  thumbhash: string | null;
  /** A voice note's loudness, a byte for each moment, base64. */
  waveform: string | null;
  /** A kind that computers run when it is opened. */
  isUnsafe: boolean;
  transfer: Transfer;
}

/** A file to send, as the page prepared it. */
export interface OutgoingFile {
  data: Blob;
  name: string;
  mediaType: string;
  width: number | null;
  height: number | null;
  durationMs: number | null;
  thumbhash: string | null;
  waveform: string | null;
  isVoice: boolean;
  /** A movie that goes without what its camera wrote into it. */
  isCovered?: boolean;
}

export type EntryBody =
  | { kind: 'text'; text: string }
  /** 1 to 32 files; the caption may be empty. */
  | { kind: 'files'; files: FileItem[]; caption: string }
  /** Needs a newer version. */
  | { kind: 'unknown' }
  | { kind: 'timer'; seconds: number }
  | { kind: 'notice'; notice: NoticeKind; account: AccountId | null; name: string | null; title: string | null }
  | { kind: 'deleted' }
  /** What became of a call; the text is what was said with a refusal. */
  | { kind: 'call'; isOutgoing: boolean; hasVideo: boolean; sentence: CallSentence; seconds: number; text: string };

export type CallSentence = 'group' | 'group-missed' | 'talked' | 'elsewhere' | 'unanswered' | 'missed' | 'declined' | 'declined-you' | 'busy' | 'failed';

export interface Reply {
  message: MessageId;
  /** Null where the original is not (or no longer) here. */
  entry: EntryId | null;
  sender: AccountId;
  senderName: string;
  /** Null: deleted, or never seen. */
  text: string | null;
}

export interface Reaction {
  emoji: string;
  accounts: AccountId[];
  names: string[];
  isMine: boolean;
}

export interface Entry {
  id: EntryId;
  message: MessageId;
  conversation: ConversationId;
  sender: AccountId;
  senderName: string;
  isOwn: boolean;
  sentMs: number;
  receivedMs: number;
  body: EntryBody;
  reply: Reply | null;
  delivery: Delivery;
  isUnread: boolean;
  editedMs: number | null;
  expiresMs: number | null;
  isForwarded: boolean;
  reactions: Reaction[];
}

/** A part of a conversation, oldest first. */
export interface Timeline {
  entries: Entry[];
  hasOlder: boolean;
  hasNewer: boolean;
  /** The first unread entry when the conversation was opened. */
  firstUnread: EntryId | null;
}

export type Window =
  | { at: 'latest'; count: number }
  | { at: 'around'; entry: EntryId; count: number }
  /** From one entry to another, both shown; what is between them stays in view as it changes. */
  | { at: 'range'; from: EntryId; to: EntryId };

export interface Request {
  id: string;
  account: AccountId;
  name: string;
  note: string;
  kind: 'talk' | 'join-group' | 'enter-group';
  conversation: ConversationId | null;
  conversationTitle: string | null;
  atMs: number;
}

export interface Invite {
  id: string;
  /** Null once it no longer works. */
  link: string | null;
  conversation: ConversationId | null;
  needsApproval: boolean;
  isUsed: boolean;
  expiresMs: number | null;
  atMs: number;
}

/** What a link says before it is followed; nothing is sent to find out. */
export interface InvitePreview {
  node: string;
  /** The inviter's name and the group's, once the node's bundle was fetched; empty before that. */
  inviterName: string;
  groupTitle: string | null;
  expiresMs: number | null;
}

export interface Alert {
  id: number;
  conversation: ConversationId | null;
  /** A stable word, as in docs/cli.md. */
  code: string;
  /** The person it names. */
  name: string | null;
  hasEvidence: boolean;
  atMs: number;
  isSeen: boolean;
}

export interface Contact {
  account: AccountId;
  name: string;
  /** What they call themselves, where we gave them a name of our own. */
  ownName: string;
  picture: string | null;
  address: string | null;
  isVerified: boolean;
  isBlocked: boolean;
  conversation: ConversationId | null;
}

export interface SafetyNumber {
  account: AccountId;
  name: string;
  /** Twelve groups of five digits. */
  groups: string[];
  /** Bytes of the QR code to show. */
  qr: Uint8Array;
  verifiedMs: number | null;
}

export interface Network {
  /** `online`: the home node answers. `connecting`: tried, not there yet. `offline`: no network at all. */
  state: 'online' | 'connecting' | 'offline';
  /** The node refuses us for so long (flood, maintenance), milliseconds; null where it does not. */
  retryAtMs: number | null;
  /** Messages that wait to leave. */
  waiting: number;
  /** Cells that are being caught up with; null when all is read. */
  catchingUp: { done: number; total: number | null } | null;
}

export interface Settings {
  sendsReadReceipts: boolean;
  sendsTyping: boolean;
  /** Files may go from device to device, which shows the network address to the other side. */
  allowsDirect: boolean;
  hasPassphrase: boolean;
  /** The 24 words were written down and checked. */
  areWordsKept: boolean;
  /** `unsupported`: the home node takes no subscription. */
  push: 'off' | 'on' | 'unsupported';
  isPersistent: boolean;
}

/** A push subscription as the home node needs it (RFC 8030, RFC 8291). */
export interface PushKeys {
  endpoint: string;
  p256dh: Uint8Array;
  auth: Uint8Array;
}

export interface About {
  version: string;
  /** Hash of the web app's build, hexadecimal. */
  build: string;
  storageBytes: number | null;
  storageQuotaBytes: number | null;
}

export interface SearchHit {
  entry: Entry;
  conversationTitle: string;
  snippet: string;
  /** Where the words are, in UTF-16 units of the snippet: pairs of begin and end. */
  highlights: [number, number][];
}

/** The files of one conversation, newest first. */
export interface MediaRow {
  entry: EntryId;
  sentMs: number;
  senderName: string;
  isOwn: boolean;
  file: FileItem;
}

/** What the files of a conversation take on this device. */
export interface StorageRow {
  conversation: ConversationId;
  title: string;
  peer: AccountId | null;
  isDirect: boolean;
  bytes: number;
  files: number;
}

export interface Storage {
  rows: StorageRow[];
  /** The largest files on this device, with where they are. */
  largest: (MediaRow & { conversation: ConversationId; title: string })[];
  /** What a node takes of one file; null before it was reached. */
  fileBytesMax: number | null;
}

/** A call as views and media see it; its keys are in the worker of its media alone. */
export interface CallNow {
  call: string;
  conversation: ConversationId;
  name: string;
  isOutgoing: boolean;
  hasVideo: boolean;
  /** `ringing` is here, `ringing-there` at the other side. */
  state: 'calling' | 'ringing-there' | 'ringing' | 'answering' | 'connecting' | 'talking';
  /** What the page's connection is to describe. */
  want: 'offer' | 'answer' | null;
  /** What the other side described, counted. */
  remote: { number: number; hasVideo: boolean; mayDirect: boolean; sdp: string } | null;
  candidates: string[];
  /** Null: not known yet; without URLs: the node relays nothing. */
  relay: { urls: string[]; username: string; credential: string } | null;
  mayDirect: boolean;
  /** Five words to compare, once there are keys. */
  words: string[] | null;
  answeredMs: number | null;
}

/** Somebody in a room, as the node tells. The label is sealed: hexadecimal. */
export interface RoomPerson { number: number; label: string }

/** One device in a call of many, or in the room of one. */
export interface Participant {
  device: string;
  /** Null where the device is none of the group's any more. */
  account: AccountId | null;
  name: string;
  /** A device of ours; `isSelf` is this one. */
  isOwn: boolean;
  isSelf: boolean;
  /** Its leaf in the present epoch: whose frames the media's worker says that a stream is of. Null: not taken in yet. */
  leaf: number | null;
  /** Its number in the room, as in `RoomTell` and `RoomSay`. Null: not there. */
  number: number | null;
}

/** A call that is under way in a group, whether we are in it or not. */
export interface GroupCall {
  call: string;
  conversation: ConversationId;
  /** The group's title. */
  title: string;
  hasVideo: boolean;
  /** When it was opened, by its opener's clock. */
  sinceMs: number;
  /** The name of who opened it. */
  opener: string;
  /** The devices in it, who is in it longest first. */
  people: Participant[];
  /** For 30 s in a small group that is not muted. */
  isRinging: boolean;
  /** This device is in it, or about to be. */
  isHere: boolean;
}

/** The calls of many that are under way, and how the last one that this device was in ended for it. */
export interface GroupCalls {
  calls: GroupCall[];
  ended: { call: string; reason: 'left' | 'removed' | 'nobody-there' | 'lost' } | null;
}

/**
 * The call of many that this device is in (docs/spec/CALLS.md s.9). The page connects to the room with
 * `groupCallOffer`, its media's worker takes the keys of each epoch by itself.
 */
export interface GroupCallNow extends GroupCall {
  /** `joining`: nobody took us in yet; what is sent now nobody can open. */
  state: 'joining' | 'in';
  /** We came with our camera. */
  isShown: boolean;
  /** Five words to compare, of the present epoch. */
  words: string[] | null;
  /** Counts the rooms: another number is another room. Connect to it, then leave the one before. */
  room: number;
  /** As in {@link CallNow}. */
  relay: CallNow['relay'];
  /** What the room said to the last offer, under the number that the page gave it. */
  answer: { offer: number; own: number; sdp: string } | null;
  /** Why it said nothing: try again (`no-answer`), later (`full`), or not at all. */
  refusal: 'full' | 'denied' | 'no-answer' | null;
}

/** What a view shows; each answers at once with a snapshot, and again whenever it changed. */
export interface Topics {
  me: { key: []; snapshot: Me };
  conversations: { key: []; snapshot: ConversationRow[] };
  conversation: { key: [ConversationId]; snapshot: ConversationDetail | null };
  timeline: { key: [ConversationId, Window]; snapshot: Timeline };
  requests: { key: []; snapshot: Request[] };
  invites: { key: []; snapshot: Invite[] };
  contacts: { key: []; snapshot: Contact[] };
  alerts: { key: []; snapshot: Alert[] };
  network: { key: []; snapshot: Network };
  settings: { key: []; snapshot: Settings };
  /** The call that is under way. */
  call: { key: []; snapshot: CallNow | null };
  /** The call of many that this device is in. */
  groupCall: { key: []; snapshot: GroupCallNow | null };
  groupCalls: { key: []; snapshot: GroupCalls };
  /** At most `count` of a kind. */
  media: { key: [ConversationId, 'pictures' | 'voice' | 'files', number]; snapshot: MediaRow[] };
  storage: { key: []; snapshot: Storage };
}
export type Topic = keyof Topics;

/** What the user can do. Each answers when it is durable, or throws an {@link EngineError}. */
export interface Actions {
  create(input: { name: string; node?: string; words?: string }): Promise<Me>;
  unlock(input: { passphrase: string }): Promise<Me>;
  /** Goes on in memory where the browser refuses storage. */
  openForThisVisit(): Promise<Boot>;
  /** Forgets everything in this browser. */
  erase(): Promise<void>;

  sendText(input: {
    conversation: ConversationId; text: string; replyTo?: MessageId; isForwarded?: boolean;
  }): Promise<{ message: MessageId; entry: EntryId }>;
  /** Answers once it is durable here; the message leaves when all its files are with the node. */
  sendFiles(input: {
    conversation: ConversationId; files: OutgoingFile[]; caption: string; replyTo?: MessageId;
  }): Promise<{ message: MessageId; entry: EntryId }>;
  /** What a camera wrote into a movie beside picture and sound. Rejects with `movie-unknown` where that can't be told. */
  lookAtMovie(input: { data: Blob }): Promise<{ hasMetadata: boolean; hasPlace: boolean }>;
  /** Sends the same files on; no byte moves. */
  forwardFiles(input: { entry: EntryId; conversation: ConversationId }): Promise<void>;
  fetchFile(input: { entry: EntryId; index: number }): Promise<void>;
  pauseFile(input: { entry: EntryId; index: number }): Promise<void>;
  resumeFile(input: { entry: EntryId; index: number }): Promise<void>;
  /** An outgoing message goes with its last file; an incoming one stays with the node. */
  cancelFile(input: { entry: EntryId; index: number }): Promise<void>;
  fileInfo(input: { entry: EntryId; index: number }): Promise<FileItem>;
  /** At most `length` bytes of a file from `offset` on, checked and opened; empty at its end. Fetches what is not here. */
  readFile(input: { entry: EntryId; index: number; offset: number; length: number }): Promise<Uint8Array>;
  /** Removes what of these is kept on this device; the node still has it. */
  dropFiles(input: { files: { entry: EntryId; index: number }[] }): Promise<void>;
  editText(input: { conversation: ConversationId; message: MessageId; text: string }): Promise<void>;
  /** An empty emoji takes the own reaction back. */
  react(input: { conversation: ConversationId; message: MessageId; emoji: string }): Promise<void>;
  deleteForEveryone(input: { conversation: ConversationId; message: MessageId }): Promise<void>;
  deleteHere(input: { entries: EntryId[] }): Promise<void>;
  retry(input: { entry: EntryId }): Promise<void>;
  setTimer(input: { conversation: ConversationId; seconds: number }): Promise<void>;
  typing(input: { conversation: ConversationId; isActive: boolean }): Promise<void>;
  markRead(input: { conversation: ConversationId; upTo?: EntryId }): Promise<void>;
  saveDraft(input: { conversation: ConversationId; text: string }): Promise<void>;

  invite(input: { conversation?: ConversationId; needsApproval?: boolean; validSeconds?: number }): Promise<Invite>;
  revokeInvite(input: { id: string }): Promise<void>;
  previewInvite(input: { link: string }): Promise<InvitePreview>;
  /** Null while the other side has to answer first. */
  accept(input: { link: string; note?: string }): Promise<{ conversation: ConversationId | null }>;
  add(input: { address: string; note?: string }): Promise<{ conversation: ConversationId | null }>;
  answerRequest(input: { id: string; answer: 'accept' | 'delete' | 'block' }): Promise<{ conversation: ConversationId | null }>;

  newGroup(input: { title: string; members: AccountId[] }): Promise<{ conversation: ConversationId }>;
  addMembers(input: { conversation: ConversationId; accounts: AccountId[] }): Promise<void>;
  removeMember(input: { conversation: ConversationId; account: AccountId }): Promise<void>;
  setAdmin(input: { conversation: ConversationId; account: AccountId; isAdmin: boolean }): Promise<void>;
  rename(input: { conversation: ConversationId; title: string }): Promise<void>;
  leave(input: { conversation: ConversationId }): Promise<void>;
  restart(input: { conversation: ConversationId }): Promise<{ conversation: ConversationId }>;

  pin(input: { conversation: ConversationId; isPinned: boolean }): Promise<void>;
  archive(input: { conversation: ConversationId; isArchived: boolean }): Promise<void>;
  mute(input: { conversation: ConversationId; untilMs: number | null }): Promise<void>;
  markUnread(input: { conversation: ConversationId; isUnread: boolean }): Promise<void>;
  block(input: { account: AccountId; isBlocked: boolean }): Promise<void>;
  setPetname(input: { account: AccountId; name: string }): Promise<void>;
  setName(input: { name: string }): Promise<void>;
  /** At most 16 KiB of an encoded picture, already cropped and re-encoded by the page; null removes it. */
  setPicture(input: { picture: Uint8Array | null }): Promise<void>;

  search(input: { words: string; conversation?: ConversationId; limit?: number }): Promise<SearchHit[]>;
  safetyNumber(input: { account: AccountId }): Promise<SafetyNumber>;
  /** Compares a scanned QR code; throws `safety-mismatch`. */
  verifyQr(input: { account: AccountId; qr: Uint8Array }): Promise<void>;
  setVerified(input: { account: AccountId; isVerified: boolean }): Promise<void>;
  messageInfo(input: { entry: EntryId }): Promise<{ deliveredTo: string[]; readBy: string[]; waitingFor: string[] }>;
  seeAlert(input: { id: number }): Promise<void>;
  exportEvidence(input: { id: number }): Promise<Uint8Array>;

  /** The page's media describes itself when the `call` topic wants it. */
  callStart(input: { conversation: ConversationId; hasVideo: boolean }): Promise<{ call: string }>;
  callAccept(input: { call: string }): Promise<void>;
  /** `unable`: this device can't take calls, others may; without a reason it is a no of all our devices. */
  callDecline(input: { call: string; text?: string; reason?: 'unable' }): Promise<void>;
  callHangUp(input: { call: string }): Promise<void>;
  callDescribe(input: { call: string; isOffer: boolean; hasVideo: boolean; mayDirect: boolean; sdp: string }): Promise<void>;
  callCandidates(input: { call: string; candidates: string[]; isComplete: boolean }): Promise<void>;
  /** Media flows, or broke. */
  callMedia(input: { call: string; isFlowing: boolean }): Promise<void>;

  /** Is in the group's call from now on; opens one where there is none. */
  groupCallJoin(input: { conversation: ConversationId; hasVideo: boolean }): Promise<{ call: string }>;
  groupCallLeave(input: { call: string }): Promise<void>;
  /** Rings no more here. */
  groupCallSilence(input: { call: string }): Promise<void>;
  /** Offers the room our media; the answer is in the `groupCall` topic under the same number. Candidates are left out. */
  groupCallOffer(input: { call: string; room: number; offer: number; sdp: string }): Promise<void>;
  /** Who is in the room, as its channel tells whenever that changes; null when the channel is closed. */
  groupCallPeople(input: { call: string; room: number; people: RoomPerson[] | null }): Promise<void>;
  groupCallMedia(input: { call: string; isFlowing: boolean }): Promise<void>;

  /** The 24 words, for the eyes of whoever holds the device. */
  recoveryWords(): Promise<string[]>;
  setWordsKept(): Promise<void>;
  setReadReceipts(input: { isOn: boolean }): Promise<void>;
  setTyping(input: { isOn: boolean }): Promise<void>;
  setDirect(input: { isOn: boolean }): Promise<void>;
  forbidDirect(input: { conversation: ConversationId; isForbidden: boolean }): Promise<void>;
  /** An empty passphrase removes it. */
  setPassphrase(input: { current: string; passphrase: string }): Promise<void>;
  /** Leaves this browser's push subscription with the home node, or takes it back. */
  setPush(input: { subscription: PushKeys | null }): Promise<void>;
  about(): Promise<About>;
}
export type Action = keyof Actions;

/** A refusal with a stable code, for which every language has a sentence (`error-<code>`). */
export class EngineError extends Error {
  constructor(readonly code: string, readonly values: Record<string, string | number> = {}) {
    super(code);
    this.name = 'EngineError';
  }
}

export interface Engine extends Actions {
  boot(): Promise<Boot>;
  /** Calls `listener` with a snapshot now and after each change, until the returned function is called. */
  watch<T extends Topic>(topic: T, key: Topics[T]['key'], listener: (snapshot: Topics[T]['snapshot']) => void): () => void;
  /** Another tab had the engine and is gone: true while a new owner opens it. */
  onTakeover(listener: (isUnderWay: boolean) => void): () => void;
  /** The engine stopped or came back under this tab: the page shows another {@link Boot}. */
  onBoot(listener: (boot: Boot) => void): () => void;
  /** Messages that arrived just now, for notifications and live regions; not those of a catch-up. */
  onArrival(listener: (entries: Entry[]) => void): () => void;
}
