-- The embedded ledger's tables, as they are after all of its migrations, for a database that several
-- processes share. Texts compare by bytes, as they do there.

-- One row: this ledger's lineage and the key its acks are signed with. `opening` changes whenever the
-- ledger may have gone back in time without anybody here noticing: whenever `server`, which tells one
-- run of the database from another, does.
CREATE TABLE ledger (
    id          BIGINT PRIMARY KEY CHECK (id = 1),
    generation  BYTEA NOT NULL CHECK (octet_length(generation) = 16),
    ack_seed    BYTEA NOT NULL CHECK (octet_length(ack_seed) = 32),
    created_at  BIGINT NOT NULL,
    opening     BIGINT NOT NULL DEFAULT 0,
    lineage     BIGINT NOT NULL DEFAULT 1 CHECK (lineage > 0),
    server      TEXT
);

-- All generations this ledger has had. A genuine ack of any other one proves that it went back.
CREATE TABLE generations (
    generation  BYTEA PRIMARY KEY CHECK (octet_length(generation) = 16),
    lineage     BIGINT NOT NULL,
    begun_at    BIGINT NOT NULL,
    why         TEXT NOT NULL
);

-- Small facts of this installation, such as where the last serving process could be reached.
CREATE TABLE settings (
    name   TEXT COLLATE "C" PRIMARY KEY,
    value  TEXT NOT NULL
);

CREATE TABLE stores (
    id    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  TEXT COLLATE "C" NOT NULL UNIQUE
) WITH (fillfactor = 50);

CREATE TABLE devices (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store         BIGINT NOT NULL REFERENCES stores,
    kiosk         TEXT COLLATE "C" NOT NULL,
    key           BYTEA NOT NULL CHECK (octet_length(key) = 32),
    token_digest  BYTEA NOT NULL CHECK (octet_length(token_digest) = 32),
    enrolled_at   BIGINT NOT NULL,
    revoked_at    BIGINT,
    twins_at      BIGINT,
    -- What it last said of itself; for people, decides nothing.
    last_seen     BIGINT,
    link          TEXT,
    depth         BIGINT,
    oldest_ms     BIGINT,
    version       TEXT,
    UNIQUE (store, kiosk)
) WITH (fillfactor = 50);
CREATE INDEX devices_by_kiosk ON devices (kiosk);

-- Keys that a device had before it was enrolled anew. What they signed stays true.
CREATE TABLE former_keys (
    device       BIGINT NOT NULL REFERENCES devices,
    key          BYTEA NOT NULL CHECK (octet_length(key) = 32),
    enrolled_at  BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    PRIMARY KEY (device, key)
);

-- Every order-number prefix ever given out in a store; none is given twice.
CREATE TABLE prefixes (
    store   BIGINT NOT NULL REFERENCES stores,
    prefix  TEXT COLLATE "C" NOT NULL,
    device  BIGINT NOT NULL REFERENCES devices,
    PRIMARY KEY (store, prefix)
);

-- One row per journal. `spans` packs what is durable beyond the watermark. `greeted`: the opening
-- under which the kiosk last said hello. `retained_from`: the first event that it said to hold.
-- `boot`, `boot_before`, `alternations`: runs of the kiosk. `fenced_at`: since then a later journal
-- carries on its history.
CREATE TABLE streams (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal        BYTEA NOT NULL UNIQUE CHECK (octet_length(journal) = 16),
    device         BIGINT NOT NULL REFERENCES devices,
    key            BYTEA NOT NULL CHECK (octet_length(key) = 32),
    epoch          BIGINT NOT NULL,
    watermark      BIGINT NOT NULL DEFAULT 0 CHECK (watermark >= 0),
    chain          BYTEA NOT NULL CHECK (octet_length(chain) = 32),
    spans          BYTEA NOT NULL DEFAULT '',
    ack_no         BIGINT NOT NULL DEFAULT 0,
    registered_at  BIGINT NOT NULL,
    sealed_at      BIGINT,
    forked_at      BIGINT,
    fenced_at      BIGINT,
    greeted        BIGINT,
    retained_from  BIGINT NOT NULL DEFAULT 1,
    boot           BYTEA CHECK (octet_length(boot) = 16),
    boot_before    BYTEA CHECK (octet_length(boot_before) = 16),
    alternations   BIGINT NOT NULL DEFAULT 0,
    UNIQUE (device, epoch)
) WITH (fillfactor = 50);

-- Rows of events are given out in steps as large as a frame.
CREATE SEQUENCE event_rows INCREMENT BY 64;

-- Exactly the seqs that a stream's watermark and spans cover. Bytes never change. An alias keeps
-- no bytes of its own. `event_id` is null for what can't be read or contradicts another event.
-- state: 0 applied, 1 parked, 2 alias, 3 refused by the fold, 4 withheld from the fold
CREATE TABLE events (
    id           BIGINT PRIMARY KEY,
    stream       BIGINT NOT NULL REFERENCES streams,
    seq          BIGINT NOT NULL CHECK (seq > 0),
    event_id     BYTEA UNIQUE CHECK (octet_length(event_id) = 16),
    content      BYTEA NOT NULL CHECK (octet_length(content) = 32),
    chain        BYTEA NOT NULL CHECK (octet_length(chain) = 32),
    order_id     BYTEA CHECK (octet_length(order_id) = 16),
    state        BIGINT NOT NULL CHECK (state BETWEEN 0 AND 4),
    alias_of     BIGINT REFERENCES events,
    received_at  BIGINT NOT NULL,
    bytes        BYTEA CHECK ((bytes IS NULL) = (alias_of IS NOT NULL)),
    UNIQUE (stream, seq)
);
CREATE INDEX events_of_order ON events (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX events_not_applied ON events (stream, seq) WHERE state >= 3;
CREATE INDEX events_parked ON events (stream, seq) WHERE state = 1;

-- The columns that lists and sums need; the whole order is folded from its events when it is read.
CREATE TABLE orders (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store           BIGINT NOT NULL REFERENCES stores,
    order_id        BYTEA NOT NULL CHECK (octet_length(order_id) = 16),
    device          BIGINT NOT NULL REFERENCES devices,
    business_date   TEXT COLLATE "C" NOT NULL,
    number          TEXT NOT NULL,
    placed_at       BIGINT NOT NULL,
    received_at     BIGINT NOT NULL,
    status          TEXT NOT NULL,
    payment_status  TEXT NOT NULL,
    version         BIGINT NOT NULL,
    currency        TEXT NOT NULL,
    total           BIGINT NOT NULL,
    tax             BIGINT NOT NULL,
    parked          BIGINT NOT NULL,
    refused         BIGINT NOT NULL,
    UNIQUE (order_id, store)
) WITH (fillfactor = 85);
CREATE INDEX orders_by_day ON orders (business_date, order_id);
CREATE INDEX orders_by_store ON orders (store, business_date, order_id);

-- Kept in step with `orders` in the same transactions.
CREATE TABLE sums (
    business_date  TEXT COLLATE "C" NOT NULL,
    store          BIGINT NOT NULL REFERENCES stores,
    currency       TEXT COLLATE "C" NOT NULL,
    orders         BIGINT NOT NULL,
    voided         BIGINT NOT NULL,
    gross          BIGINT NOT NULL,
    tax            BIGINT NOT NULL,
    PRIMARY KEY (business_date, store, currency)
) WITH (fillfactor = 50);

-- What could not be applied. `event` is null, and `bytes` holds the raw event, where it contradicts
-- what is stored at its place already.
CREATE TABLE quarantine (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream      BIGINT NOT NULL REFERENCES streams,
    seq         BIGINT NOT NULL,
    event       BIGINT UNIQUE REFERENCES events,
    content     BYTEA NOT NULL CHECK (octet_length(content) = 32),
    chain       BYTEA NOT NULL CHECK (octet_length(chain) = 32),
    reason      TEXT COLLATE "C" NOT NULL,
    detail      TEXT NOT NULL,
    first_seen  BIGINT NOT NULL,
    tries       BIGINT NOT NULL DEFAULT 1,
    bytes       BYTEA,
    UNIQUE (stream, seq, content)
);

-- A bounded sample of frames that moved nothing; slots are used over again.
CREATE TABLE refused_frames (
    slot    BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    store   TEXT NOT NULL,
    kiosk   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    bytes   BYTEA NOT NULL
);

CREATE TABLE users (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      TEXT COLLATE "C" NOT NULL UNIQUE,
    role      TEXT NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    password  TEXT NOT NULL,
    added_at  BIGINT NOT NULL
);

CREATE TABLE sessions (
    token_digest  BYTEA PRIMARY KEY CHECK (octet_length(token_digest) = 32),
    "user"        BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE TABLE menus (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store         BIGINT NOT NULL REFERENCES stores,
    version       TEXT NOT NULL,
    document      BYTEA NOT NULL,
    published_at  BIGINT NOT NULL,
    published_by  TEXT NOT NULL
);
CREATE INDEX menus_of_store ON menus (store, id);

-- The groups that headquarters has put kiosks into.
CREATE TABLE memberships (
    device      BIGINT NOT NULL REFERENCES devices,
    group_name  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (device, group_name)
);
CREATE INDEX memberships_by_group ON memberships (group_name, device);

-- Everything that headquarters ever changed about kiosks: who, when and why. Rows are never changed
-- or deleted, and no id is given twice: it is the number that notices are ordered by.
CREATE TABLE changes (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('switch', 'settings', 'groups')),
    -- The switch's; empty for the other kinds.
    name        TEXT NOT NULL,
    reach       TEXT NOT NULL CHECK (reach IN ('all', 'percent', 'group', 'kiosk')),
    percent     BIGINT CHECK ((percent IS NULL) = (reach <> 'percent')),
    group_name  TEXT COLLATE "C" CHECK ((group_name IS NULL) = (reach <> 'group')),
    device      BIGINT REFERENCES devices CHECK ((device IS NULL) = (reach <> 'kiosk')),
    -- JSON: where the switch stands, what is set, or which groups.
    value       TEXT NOT NULL,
    -- Whether it takes away what was set for that scope before.
    idle        BOOLEAN NOT NULL,
    changed_by  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    changed_at  BIGINT NOT NULL
);

-- The latest change of each switch, or of the settings, for each scope.
CREATE TABLE in_force (
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    reach   TEXT NOT NULL,
    -- The group, or the device's id.
    whose   TEXT NOT NULL,
    change  BIGINT NOT NULL UNIQUE REFERENCES changes,
    PRIMARY KEY (kind, name, reach, whose)
);
