-- `opening` changes whenever the ledger may have gone back in time without anybody here noticing: each
-- time it is opened for serving. `lineage` counts its generations.
ALTER TABLE ledger ADD COLUMN opening INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN lineage INTEGER NOT NULL DEFAULT 1;

-- All generations this ledger has had. A genuine ack of any other one proves that it went back.
CREATE TABLE generations (
    generation  BLOB PRIMARY KEY CHECK (length(generation) = 16),
    lineage     INTEGER NOT NULL,
    begun_at    INTEGER NOT NULL,
    why         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO generations SELECT generation, 1, created_at, 'the first' FROM ledger;

-- `greeted`: the opening under which the kiosk last said hello. `retained_from`: the first event that
-- it said to hold. `boot`, `boot_before`, `alternations`: runs of the kiosk, to tell one that restarts
-- from two that share a disk's copy. `fenced_at`: since then a later journal carries on its history.
ALTER TABLE streams ADD COLUMN greeted INTEGER;
ALTER TABLE streams ADD COLUMN retained_from INTEGER NOT NULL DEFAULT 1;
ALTER TABLE streams ADD COLUMN boot BLOB;
ALTER TABLE streams ADD COLUMN boot_before BLOB;
ALTER TABLE streams ADD COLUMN alternations INTEGER NOT NULL DEFAULT 0;
ALTER TABLE streams ADD COLUMN fenced_at INTEGER;

-- Keys that a device had before it was enrolled anew. What they signed stays true.
CREATE TABLE former_keys (
    device    INTEGER NOT NULL REFERENCES devices,
    key       BLOB NOT NULL CHECK (length(key) = 32),
    enrolled_at INTEGER NOT NULL,
    ended_at  INTEGER NOT NULL,
    PRIMARY KEY (device, key)
) STRICT, WITHOUT ROWID;
