-- Schema 6. Movies are read without what their cameras wrote into them.

ALTER TABLE attachments ADD COLUMN source_is_covered INTEGER NOT NULL DEFAULT 0;
