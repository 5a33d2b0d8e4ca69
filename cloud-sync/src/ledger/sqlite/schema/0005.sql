-- What a broker's password file says of a device: a salted hash of its access token. Null until the
-- token is next seen, for devices that were enrolled before this column was.
ALTER TABLE devices ADD COLUMN broker_login TEXT;
-- When headquarters is to be warned that a credential is old; sync goes on regardless. Null: never.
ALTER TABLE devices ADD COLUMN expires_at INTEGER;
-- The digest of the token before the present one, good until the present one is first shown.
ALTER TABLE devices ADD COLUMN former_token BLOB;

-- Which broker the kiosks of a store are to use, and who said so. Rows are never changed or deleted,
-- no id is given twice; the latest of a store is in force. Null: the one that their credential names.
CREATE TABLE assignments (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    store       INTEGER NOT NULL REFERENCES stores,
    url         TEXT,
    assigned_by TEXT NOT NULL,
    reason      TEXT NOT NULL,
    assigned_at INTEGER NOT NULL
) STRICT;
CREATE INDEX assignments_by_store ON assignments (store, id);

-- Keys that the ledger signed with before the present one, and each key's word for the next.
CREATE TABLE successions (
    number  INTEGER PRIMARY KEY,
    former  BLOB NOT NULL CHECK (length(former) = 32),
    link    BLOB NOT NULL
) STRICT;
