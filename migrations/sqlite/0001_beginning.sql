-- What a store keeps: workflows, executions and their journals, open waits, letters, schedules, locks, large values.

-- The written form of each published version. Graphs are compiled from it, and never kept.
CREATE TABLE workflow (
    id           TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    digest       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    definition   TEXT    NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (id, version)
);

-- The header of an execution: what lists show and what workers look for. The truth is in its journal.
CREATE TABLE execution (
    number             INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 TEXT    NOT NULL UNIQUE,
    workflow_id        TEXT    NOT NULL,
    workflow_version   INTEGER,
    digest             TEXT,
    status             TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    ended_at           INTEGER,
    parent_id          TEXT,
    parent_wait        TEXT,
    trigger_type       TEXT    NOT NULL,
    schedule_id        TEXT,
    idempotency_key    TEXT,
    idempotency_digest TEXT,
    submission         BLOB,               -- how it is to be started, while nobody has
    owner              TEXT,               -- who drives it: a holder
    epoch              INTEGER NOT NULL,   -- grows with every new owner, and fences those before him
    wake_at            INTEGER,            -- from when on somebody should drive it
    crashes            INTEGER NOT NULL DEFAULT 0,
    crash_place        INTEGER,
    quarantine         TEXT,               -- why nobody may drive it, with the evidence
    error              TEXT
);
-- What is driven, by whom; and then what is to be driven, from when on. One index, because the one becomes the other.
CREATE INDEX execution_due ON execution (owner, wake_at) WHERE owner IS NOT NULL OR wake_at IS NOT NULL;
-- Lists go by these, newest first: status by status, and what few executions are started by for itself.
CREATE INDEX execution_status ON execution (status, created_at, number, trigger_type);
CREATE INDEX execution_workflow ON execution (workflow_id, status, created_at, number, trigger_type);
CREATE INDEX execution_trigger ON execution (trigger_type, created_at, number) WHERE trigger_type <> 'manual';
CREATE INDEX execution_workflow_trigger ON execution (workflow_id, trigger_type, created_at, number)
    WHERE trigger_type <> 'manual';
CREATE INDEX execution_parent ON execution (parent_id, parent_wait, status) WHERE parent_id IS NOT NULL;
CREATE INDEX execution_schedule ON execution (schedule_id, status) WHERE schedule_id IS NOT NULL;
CREATE INDEX execution_quarantine ON execution (number) WHERE quarantine IS NOT NULL;
CREATE UNIQUE INDEX execution_idempotency ON execution (workflow_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- One row per transition. A place is the execution's number times 2^28, plus the position: one key, one tree, and two
-- writers of the same transition collide.
CREATE TABLE journal (
    place INTEGER PRIMARY KEY,
    body  BLOB NOT NULL
);
CREATE VIEW journal_row AS
    SELECT place >> 28 AS execution, place & 268435455 AS position, body FROM journal;

-- An index of the open waits.
CREATE TABLE wait (
    execution INTEGER NOT NULL,
    wait_id   TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    node_key  TEXT    NOT NULL,
    name      TEXT,
    wake_at   INTEGER,
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (execution, wait_id)
) WITHOUT ROWID;

-- What others want of an execution, until whoever drives it has acted on it.
CREATE TABLE inbox (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    execution  INTEGER NOT NULL,
    dedupe_key TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    sent_at    INTEGER NOT NULL,
    refusal    TEXT,                       -- why it was not done, for its sender to read
    UNIQUE (execution, dedupe_key)
);

-- Requests that carry an id of their own, so that one that is delivered twice has one effect. Those that were refused
-- are forgotten.
CREATE TABLE delivery (
    execution   INTEGER NOT NULL,
    delivery_id TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    taken_in_at INTEGER NOT NULL,
    PRIMARY KEY (execution, delivery_id)
) WITHOUT ROWID;
CREATE INDEX delivery_age ON delivery (execution, taken_in_at);

-- Whoever drives executions, as long as he says so.
CREATE TABLE holder (
    id      TEXT    PRIMARY KEY,
    until   INTEGER NOT NULL,
    process TEXT    NOT NULL
) WITHOUT ROWID;

-- Mutexes that reach beyond one execution: whoever has the lowest ticket has the turn.
CREATE TABLE mutex (
    ticket    INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT    NOT NULL,
    execution INTEGER NOT NULL,
    run       BLOB    NOT NULL,
    UNIQUE (name, execution, run)
);
CREATE INDEX mutex_execution ON mutex (execution);

-- When the clock starts a workflow: one row for each expression or interval of a trigger node.
CREATE TABLE schedule (
    id          TEXT    PRIMARY KEY,
    workflow_id TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    node_key    TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    schedule    TEXT    NOT NULL,
    next_at     INTEGER,                   -- the next firing, if there will be one
    last_at     INTEGER,                   -- the last firing that was due
    seen_at     INTEGER NOT NULL,          -- what the clock said when that was dealt with
    paused      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX schedule_due ON schedule (next_at) WHERE paused = 0;
CREATE INDEX schedule_seen ON schedule (seen_at) WHERE paused = 0;
CREATE INDEX schedule_workflow ON schedule (workflow_id);

-- Large values, each once.
CREATE TABLE blob (
    hash BLOB PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE TABLE blob_use (
    execution INTEGER NOT NULL,
    hash      BLOB    NOT NULL,
    PRIMARY KEY (execution, hash)
) WITHOUT ROWID;
CREATE INDEX blob_user ON blob_use (hash);
