-- Who did what to what. Only added to: triggers (src/db/audit.rs; each store has its own words for them) refuse
-- every change, and every removal of what `audit_retention` does not release. No references: the record outlives
-- what it is about.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL,
    actor_id TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    details TEXT NOT NULL,
    ip TEXT,
    at TIMESTAMP NOT NULL
);
CREATE INDEX audit_by_organization ON audit (organization_id, id);
CREATE INDEX audit_by_age ON audit (organization_id, at);

-- What an organisation's retention has released: rows older than this may be removed.
CREATE TABLE audit_retention (
    organization_id TEXT NOT NULL PRIMARY KEY,
    released_before TIMESTAMP NOT NULL
);

-- What an organisation has set for itself, as JSON (service::preferences).
CREATE TABLE preferences (
    organization_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
