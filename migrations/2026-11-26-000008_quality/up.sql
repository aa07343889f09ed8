-- What questions cost, by person, day (UTC, YYYY-MM-DD) and model; '' is the model of questions that asked none. No
-- reference to people: what was spent stays spent when somebody leaves. `cost`: millionths of the currency.
CREATE TABLE token_usage (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    day TEXT NOT NULL,
    user_id TEXT NOT NULL,
    model TEXT NOT NULL,
    questions BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (organization_id, day, user_id, model)
);

-- Runs of question sets. `status`: running, done, cancelled, failed. `seen_at`: when its server last gave a sign; one
-- that runs and gives none has lost its server.
CREATE TABLE evaluations (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    connection_id TEXT,
    file_ids TEXT NOT NULL,
    translator TEXT NOT NULL,
    model TEXT,
    status TEXT NOT NULL,
    error TEXT,
    total BIGINT NOT NULL,
    started_by TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
);
CREATE INDEX evaluations_of_organization ON evaluations (organization_id, started_at);

-- The questions of a run: what is asked, what would be right (a query, or values separated by |), and what came of it.
CREATE TABLE evaluation_questions (
    evaluation_id TEXT NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    question TEXT NOT NULL,
    suite TEXT NOT NULL,
    category TEXT NOT NULL,
    instructions TEXT NOT NULL,
    right_query TEXT,
    right_answer TEXT,
    verdict TEXT,
    query TEXT,
    note TEXT,
    elapsed_ms DOUBLE PRECISION,
    PRIMARY KEY (evaluation_id, number)
);
