-- Schema 7. What was not read is found in its order, without a look at what was: in a conversation of 100,000 that was
-- read, the search for its first unread message went through all of them at each snapshot.

DROP INDEX messages_unread;
CREATE INDEX messages_unread ON messages (conversation, place) WHERE is_unread = 1;
