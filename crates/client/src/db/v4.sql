-- Schema 4. Files: what messages say of them, and how they move.

CREATE TABLE attachments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,         -- order within the message
  file BLOB NOT NULL,                -- 32, where the blob lies at its node
  node_url TEXT NOT NULL,
  key BLOB NOT NULL,                 -- 32
  key_commit BLOB NOT NULL,          -- 32
  root BLOB NOT NULL,                -- 32; zeros until an own file is sealed to its end
  size INTEGER NOT NULL,
  name TEXT NOT NULL,                -- as the sender has it: never a path
  media_type TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  thumbhash BLOB NOT NULL,
  waveform BLOB NOT NULL,
  is_voice INTEGER NOT NULL,
  owner BLOB,                        -- 32: appends and deletes at the node; of own uploads only
  state INTEGER NOT NULL,            -- see files::AttachmentState
  problem INTEGER,                   -- why it stopped
  done_bytes INTEGER NOT NULL DEFAULT 0,
  source BLOB,                       -- path that an upload reads; null: the sealed copy in the profile
  source_stamp INTEGER,              -- when the source was changed last, as its file system says
  target BLOB,                       -- path that a download is saved to; null: a sealed copy in the profile
  tries INTEGER NOT NULL DEFAULT 0,
  due_ms INTEGER,                    -- when it may move; null while it does
  UNIQUE (message, position)
) STRICT;
CREATE INDEX attachments_due ON attachments (due_ms) WHERE state IN (1, 5);
CREATE INDEX attachments_file ON attachments (file);

-- Leaves of an own file, stored before the bytes of their groups leave the device.
CREATE TABLE leaves (
  attachment INTEGER NOT NULL REFERENCES attachments (id) ON DELETE CASCADE,
  first INTEGER NOT NULL,            -- the group of the first one
  leaves BLOB NOT NULL,
  PRIMARY KEY (attachment, first)
) STRICT, WITHOUT ROWID;

-- Files whose message is gone, with it their keys: the local copy is to be removed, then the blob at the node.
CREATE TABLE discarded (
  id INTEGER PRIMARY KEY,
  attachment INTEGER NOT NULL,
  file BLOB NOT NULL,
  node_url TEXT NOT NULL,
  owner BLOB,
  tries INTEGER NOT NULL DEFAULT 0,
  due_ms INTEGER                     -- null while it is done
) STRICT;
CREATE INDEX discarded_due ON discarded (due_ms);
CREATE TRIGGER attachments_delete AFTER DELETE ON attachments BEGIN
  INSERT INTO discarded (attachment, file, node_url, owner, due_ms)
  VALUES (old.id, old.file, old.node_url, old.owner, 0);
END;
