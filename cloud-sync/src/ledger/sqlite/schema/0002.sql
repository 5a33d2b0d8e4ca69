-- The groups that headquarters has put kiosks into.
CREATE TABLE memberships (
    device      INTEGER NOT NULL REFERENCES devices,
    group_name  TEXT NOT NULL,
    PRIMARY KEY (device, group_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_by_group ON memberships (group_name, device);

-- Everything that headquarters ever changed about kiosks: who, when and why. Rows are never changed
-- or deleted, and no id is given twice: it is the number that notices are ordered by.
CREATE TABLE changes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CHECK (kind IN ('switch', 'settings', 'groups')),
    -- The switch's; empty for the other kinds.
    name        TEXT NOT NULL,
    reach       TEXT NOT NULL CHECK (reach IN ('all', 'percent', 'group', 'kiosk')),
    percent     INTEGER CHECK ((percent IS NULL) = (reach <> 'percent')),
    group_name  TEXT CHECK ((group_name IS NULL) = (reach <> 'group')),
    device      INTEGER REFERENCES devices CHECK ((device IS NULL) = (reach <> 'kiosk')),
    -- JSON: where the switch stands, what is set, or which groups.
    value       TEXT NOT NULL,
    -- Whether it takes away what was set for that scope before.
    idle        INTEGER NOT NULL CHECK (idle IN (0, 1)),
    changed_by  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT;

-- The latest change of each switch, or of the settings, for each scope.
CREATE TABLE in_force (
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    reach   TEXT NOT NULL,
    -- The group, or the device's id.
    whose   TEXT NOT NULL,
    change  INTEGER NOT NULL UNIQUE REFERENCES changes,
    PRIMARY KEY (kind, name, reach, whose)
) STRICT, WITHOUT ROWID;
