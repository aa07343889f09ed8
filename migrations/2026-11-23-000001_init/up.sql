-- The first schema. Only SQL that SQLite and PostgreSQL both read; ids come from the program.

CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX users_by_organization ON users (organization_id);

-- One row a log-in. The refresh token is kept only as a hash; the one before it stays valid for a moment
-- after a rotation, so that two tabs do not log each other out.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_refresh ON sessions (refresh_hash);
CREATE INDEX sessions_by_previous ON sessions (previous_hash);

-- An uploaded file, imported: `tables` is JSON, what the import found; `overrides` is JSON, what the user
-- decided otherwise. A row exists only once the import is complete.
CREATE TABLE files (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    created_by TEXT NOT NULL,
    name TEXT NOT NULL,
    format TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sample BOOLEAN NOT NULL,
    generation TEXT NOT NULL,
    tables TEXT NOT NULL,
    overrides TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX files_by_organization ON files (organization_id, created_at);

CREATE TABLE connections (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    db_type TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    catalog TEXT,
    discovered_at TIMESTAMP,
    last_seen_at TIMESTAMP,
    agent_version TEXT,
    database_version TEXT,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX connections_by_organization ON connections (organization_id, created_at);

CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX conversations_by_user ON conversations (user_id, updated_at);

-- A question and its answer. `answer` is JSON without the rows; those lie in the stored result.
CREATE TABLE queries (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    outcome TEXT NOT NULL,
    answer TEXT NOT NULL,
    result_id TEXT,
    kept BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX queries_by_user ON queries (user_id, created_at);
CREATE INDEX queries_by_conversation ON queries (conversation_id, created_at);

-- A stored result: Parquet in the storage under its id. `expires_at` is null while its answer is kept.
CREATE TABLE results (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    truncated BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP
);
CREATE INDEX results_by_expiry ON results (expires_at);
