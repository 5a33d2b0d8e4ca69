-- Since when two kiosks are known to speak with one credential, until it is enrolled anew.
ALTER TABLE devices ADD COLUMN twins_at INTEGER;
