-- Schema 2. Words are indexed once a transaction, before it commits, instead of once a message: a trigger that writes
-- into the index makes SQLite flush it at every statement.

CREATE TABLE indexed (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  up_to INTEGER NOT NULL             -- the last message that the index has seen
) STRICT;
INSERT INTO indexed SELECT 1, coalesce(max(id), 0) FROM messages;

DROP TRIGGER words_insert;
DROP TRIGGER words_delete;
DROP TRIGGER words_update;
CREATE TRIGGER words_delete AFTER DELETE ON messages
WHEN old.text IS NOT NULL AND old.id <= (SELECT up_to FROM indexed) BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER words_update AFTER UPDATE OF text ON messages
WHEN old.text IS NOT new.text AND old.id <= (SELECT up_to FROM indexed) BEGIN
  INSERT INTO words (words, rowid, text) SELECT 'delete', old.id, old.text WHERE old.text IS NOT NULL;
  INSERT INTO words (rowid, text) SELECT new.id, new.text WHERE new.text IS NOT NULL;
END;
