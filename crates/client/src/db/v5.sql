-- Schema 5. Files from device to device.

-- Announced before the node had it, and not known to be there since.
ALTER TABLE attachments ADD COLUMN is_early INTEGER NOT NULL DEFAULT 0;
-- Nothing of this conversation goes from device to device.
ALTER TABLE conversations ADD COLUMN forbids_direct INTEGER NOT NULL DEFAULT 0;
