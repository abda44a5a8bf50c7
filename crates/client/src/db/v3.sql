-- Schema 3. What only this device knows of conversations and people, and what a user interface asks for.

ALTER TABLE conversations ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN is_archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN is_marked_unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN muted_until_ms INTEGER; -- null: not muted

ALTER TABLE people ADD COLUMN verified_ms INTEGER;           -- when the safety number was compared; null: never
ALTER TABLE people ADD COLUMN picture_id BLOB;               -- SHA-256 of the picture, so that it is sent to a page once

ALTER TABLE messages ADD COLUMN is_forwarded INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_pending ON messages (id) WHERE state = 0;

-- The terms of an invite link, and which intent makes it until the link is there.
ALTER TABLE invites ADD COLUMN conversation BLOB;
ALTER TABLE invites ADD COLUMN needs_approval INTEGER NOT NULL DEFAULT 0;
ALTER TABLE invites ADD COLUMN expires_ms INTEGER;
CREATE TABLE invite_terms (
  intent INTEGER PRIMARY KEY,
  conversation BLOB,
  needs_approval INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT;

-- Which device is whose, for hints that name a device only.
CREATE TABLE devices (
  conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  device BLOB NOT NULL,
  account BLOB NOT NULL,
  PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;

-- What a page asked for, so that it is done once however often it is asked.
CREATE TABLE acts (
  act BLOB PRIMARY KEY,              -- 16, random, chosen by the page
  intent INTEGER,                    -- the intent whose outcome answers it; null: answered at once
  outcome BLOB,                      -- null while it is to come
  at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX acts_intent ON acts (intent) WHERE intent IS NOT NULL;
