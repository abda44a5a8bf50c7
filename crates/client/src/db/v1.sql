-- Schema 1. The device's own state is opaque here (kv); all else is what a user sees.

CREATE TABLE kv (
  space INTEGER NOT NULL,
  key BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (space, key)
) STRICT;

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Everybody whom we met: names and pictures are theirs, the petname is ours.
CREATE TABLE people (
  account BLOB PRIMARY KEY,          -- 32
  name TEXT NOT NULL DEFAULT '',
  petname TEXT,
  picture BLOB,
  address TEXT,
  is_blocked INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE conversations (
  id INTEGER PRIMARY KEY,
  conversation BLOB NOT NULL UNIQUE, -- the protocol's id, 16
  is_direct INTEGER NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  state INTEGER NOT NULL,            -- see timeline::conversation
  node_url TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  restarts BLOB,
  devices INTEGER NOT NULL,          -- leaves: decides about delivery receipts
  timer_s INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  last_place INTEGER NOT NULL DEFAULT 0,
  last_ms INTEGER NOT NULL           -- when something was last shown here: the list's order
) STRICT;
CREATE INDEX conversations_latest ON conversations (last_ms);

CREATE TABLE members (
  conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  account BLOB NOT NULL,
  is_admin INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  msg_id BLOB NOT NULL,              -- 16
  sender BLOB NOT NULL,              -- account
  device BLOB NOT NULL,              -- 16
  place INTEGER NOT NULL,            -- order within the conversation; pending ones above 2^62
  sent_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  kind INTEGER NOT NULL,             -- 0 text, 1 unknown, 2 timer, 3 notice, 4 deleted
  text TEXT,
  reply_to BLOB,
  raw BLOB,                          -- the bytes of an unknown kind
  number INTEGER,                    -- timer: seconds; notice: its code
  subject BLOB,                      -- notice: the account that it is about
  state INTEGER NOT NULL,            -- 0 pending, 1 stored, 2 delivered, 3 read, 4 failed, 5 received
  is_unread INTEGER NOT NULL DEFAULT 0,
  edited_ms INTEGER,
  timer_s INTEGER NOT NULL DEFAULT 0,
  expires_ms INTEGER,
  UNIQUE (conversation, msg_id, device)
) STRICT;
CREATE INDEX messages_place ON messages (conversation, place, id);
CREATE INDEX messages_unread ON messages (conversation) WHERE is_unread = 1;
CREATE INDEX messages_expiry ON messages (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX messages_unknown ON messages (id) WHERE kind = 1;
CREATE INDEX messages_reply ON messages (conversation, reply_to) WHERE reply_to IS NOT NULL;

CREATE TABLE reactions (
  conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  msg_id BLOB NOT NULL,
  account BLOB NOT NULL,
  emoji TEXT NOT NULL,
  PRIMARY KEY (conversation, msg_id, account)
) STRICT, WITHOUT ROWID;

-- Edits and deletions that came before the message they change.
CREATE TABLE early (
  id INTEGER PRIMARY KEY,
  conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  msg_id BLOB NOT NULL,
  account BLOB NOT NULL,
  text TEXT,                         -- null: a deletion
  sent_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX early_target ON early (conversation, msg_id, account);

-- Who has our messages; one row a message and account.
CREATE TABLE receipts (
  message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  account BLOB NOT NULL,
  is_read INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (message, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
  request BLOB PRIMARY KEY,          -- the protocol's id
  account BLOB NOT NULL,
  name TEXT NOT NULL,
  note TEXT NOT NULL,
  kind INTEGER NOT NULL,             -- 0 wants to talk, 1 invites to a group, 2 asks to enter one of ours
  conversation BLOB,                 -- the group that it asks to join
  received_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation INTEGER REFERENCES conversations (id) ON DELETE CASCADE,
  code TEXT NOT NULL,
  account BLOB,
  text TEXT NOT NULL,
  evidence BLOB,
  at_ms INTEGER NOT NULL,
  is_seen INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Receipts, and our name to newcomers, that we owe: sent in batches once they are due.
CREATE TABLE owed (
  conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  msg_id BLOB NOT NULL,
  kind INTEGER NOT NULL,             -- 0 delivered, 1 read, 2 profile (msg_id: any)
  due_ms INTEGER NOT NULL,
  PRIMARY KEY (conversation, msg_id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX owed_due ON owed (due_ms);

CREATE TABLE invites (
  invite BLOB PRIMARY KEY,           -- the protocol's id
  link TEXT,                         -- null once used or closed
  state INTEGER NOT NULL,            -- 0 ready, 1 used, 2 closed
  at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE drafts (
  conversation INTEGER PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
  text TEXT NOT NULL,
  reply_to BLOB,
  saved_ms INTEGER NOT NULL
) STRICT;

-- Full-text index over messages.text; the triggers keep it in step with every change and deletion.
CREATE VIRTUAL TABLE words USING fts5 (
  text, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER words_insert AFTER INSERT ON messages WHEN new.text IS NOT NULL BEGIN
  INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER words_delete AFTER DELETE ON messages WHEN old.text IS NOT NULL BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER words_update AFTER UPDATE OF text ON messages WHEN old.text IS NOT new.text BEGIN
  INSERT INTO words (words, rowid, text) SELECT 'delete', old.id, old.text WHERE old.text IS NOT NULL;
  INSERT INTO words (rowid, text) SELECT new.id, new.text WHERE new.text IS NOT NULL;
END;
