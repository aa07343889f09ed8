-- What people taught: terms, metrics, descriptions, approved questions with their queries, and what they thought of
-- answers. Only what is `active` is used; what is `suggested` waits for a person.

-- `kind`: term, metric, table, column. `source_id`: a connection or a file, NULL for all of them; no reference, for it
-- is either. `slot`: kind, source and name as they are compared, so that no word has two meanings.
CREATE TABLE glossary (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    meaning TEXT NOT NULL,
    source_id TEXT,
    slot TEXT NOT NULL,
    status TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    approved_by TEXT,
    approved_at TIMESTAMP,
    UNIQUE (organization_id, slot)
);

-- A question and the query that answers it. Either a connection, or files: their ids joined by commas in the order in
-- which they were asked. `digest`: of sources, question and query as they are compared, so that none stands twice.
CREATE TABLE examples (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    query TEXT NOT NULL,
    dialect TEXT NOT NULL,
    connection_id TEXT,
    file_ids TEXT NOT NULL,
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    origin TEXT NOT NULL,
    answer_id TEXT,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    approved_by TEXT,
    approved_at TIMESTAMP,
    UNIQUE (organization_id, digest)
);

-- What the asker thought of an answer: right or wrong.
CREATE TABLE feedback (
    query_id TEXT NOT NULL PRIMARY KEY REFERENCES queries (id) ON DELETE CASCADE,
    verdict TEXT NOT NULL,
    comment TEXT,
    suggested_example_id TEXT,
    created_at TIMESTAMP NOT NULL
);
