-- One row: this ledger's lineage and the key its acks are signed with.
CREATE TABLE ledger (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    generation  BLOB NOT NULL CHECK (length(generation) = 16),
    ack_seed    BLOB NOT NULL CHECK (length(ack_seed) = 32),
    created_at  INTEGER NOT NULL
) STRICT;

-- Small facts of this installation, such as where the last serving process could be reached.
CREATE TABLE settings (
    name   TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stores (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE devices (
    id            INTEGER PRIMARY KEY,
    store         INTEGER NOT NULL REFERENCES stores,
    kiosk         TEXT NOT NULL,
    key           BLOB NOT NULL CHECK (length(key) = 32),
    token_digest  BLOB NOT NULL CHECK (length(token_digest) = 32),
    enrolled_at   INTEGER NOT NULL,
    revoked_at    INTEGER,
    -- What it last said of itself; for people, decides nothing.
    last_seen     INTEGER,
    link          TEXT,
    depth         INTEGER,
    oldest_ms     INTEGER,
    version       TEXT,
    UNIQUE (store, kiosk)
) STRICT;

-- Every order-number prefix ever given out in a store; none is given twice.
CREATE TABLE prefixes (
    store   INTEGER NOT NULL REFERENCES stores,
    prefix  TEXT NOT NULL,
    device  INTEGER NOT NULL REFERENCES devices,
    PRIMARY KEY (store, prefix)
) STRICT, WITHOUT ROWID;

-- One row per journal. `spans` packs what is durable beyond the watermark.
CREATE TABLE streams (
    id             INTEGER PRIMARY KEY,
    journal        BLOB NOT NULL UNIQUE CHECK (length(journal) = 16),
    device         INTEGER NOT NULL REFERENCES devices,
    key            BLOB NOT NULL CHECK (length(key) = 32),
    epoch          INTEGER NOT NULL,
    watermark      INTEGER NOT NULL DEFAULT 0,
    chain          BLOB NOT NULL CHECK (length(chain) = 32),
    spans          BLOB NOT NULL DEFAULT x'',
    ack_no         INTEGER NOT NULL DEFAULT 0,
    registered_at  INTEGER NOT NULL,
    sealed_at      INTEGER,
    forked_at      INTEGER,
    UNIQUE (device, epoch)
) STRICT;

-- Exactly the seqs that a stream's watermark and spans cover. Bytes never change. An alias keeps
-- no bytes of its own. `event_id` is null for what can't be read or contradicts another event.
-- state: 0 applied, 1 parked, 2 alias, 3 refused by the fold, 4 withheld from the fold
CREATE TABLE events (
    id             INTEGER PRIMARY KEY,
    stream         INTEGER NOT NULL REFERENCES streams,
    seq            INTEGER NOT NULL,
    event_id       BLOB UNIQUE,
    content        BLOB NOT NULL,
    chain          BLOB NOT NULL,
    order_id       BLOB,
    state          INTEGER NOT NULL,
    alias_of       INTEGER REFERENCES events,
    received_at    INTEGER NOT NULL,
    bytes          BLOB,
    UNIQUE (stream, seq)
) STRICT;
CREATE INDEX events_of_order ON events (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX events_not_applied ON events (stream, seq) WHERE state >= 3;
CREATE INDEX events_parked ON events (stream, seq) WHERE state = 1;

-- The columns that lists and sums need; the whole order is folded from its events when it is read.
CREATE TABLE orders (
    id              INTEGER PRIMARY KEY,
    store           INTEGER NOT NULL REFERENCES stores,
    order_id        BLOB NOT NULL,
    device          INTEGER NOT NULL REFERENCES devices,
    business_date   TEXT NOT NULL,
    number          TEXT NOT NULL,
    placed_at       INTEGER NOT NULL,
    received_at     INTEGER NOT NULL,
    status          TEXT NOT NULL,
    payment_status  TEXT NOT NULL,
    version         INTEGER NOT NULL,
    currency        TEXT NOT NULL,
    total           INTEGER NOT NULL,
    tax             INTEGER NOT NULL,
    parked          INTEGER NOT NULL,
    refused         INTEGER NOT NULL,
    UNIQUE (order_id, store)
) STRICT;
CREATE INDEX orders_by_day ON orders (business_date, order_id);
CREATE INDEX orders_by_store ON orders (store, business_date, order_id);

-- Kept in step with `orders` in the same transactions.
CREATE TABLE sums (
    business_date  TEXT NOT NULL,
    store          INTEGER NOT NULL REFERENCES stores,
    currency       TEXT NOT NULL,
    orders         INTEGER NOT NULL,
    voided         INTEGER NOT NULL,
    gross          INTEGER NOT NULL,
    tax            INTEGER NOT NULL,
    PRIMARY KEY (business_date, store, currency)
) STRICT, WITHOUT ROWID;

-- What could not be applied. `event` is null, and `bytes` holds the raw event, where it contradicts
-- what is stored at its place already.
CREATE TABLE quarantine (
    id          INTEGER PRIMARY KEY,
    stream      INTEGER NOT NULL REFERENCES streams,
    seq         INTEGER NOT NULL,
    event       INTEGER UNIQUE REFERENCES events,
    content     BLOB NOT NULL,
    chain       BLOB NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    first_seen  INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 1,
    bytes       BLOB,
    UNIQUE (stream, seq, content)
) STRICT;

-- A bounded sample of frames that moved nothing; slots are used over again.
CREATE TABLE refused_frames (
    slot    INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    store   TEXT NOT NULL,
    kiosk   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    bytes   BLOB NOT NULL
) STRICT;

CREATE TABLE users (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    role      TEXT NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    password  TEXT NOT NULL,
    added_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    token_digest  BLOB PRIMARY KEY,
    user          INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE menus (
    id            INTEGER PRIMARY KEY,
    store         INTEGER NOT NULL REFERENCES stores,
    version       TEXT NOT NULL,
    document      BLOB NOT NULL,
    published_at  INTEGER NOT NULL,
    published_by  TEXT NOT NULL
) STRICT;
CREATE INDEX menus_of_store ON menus (store, id);
