-- The language model that an organisation has set for itself (service::models). The key is sealed
-- (src/db/sealed.rs).
CREATE TABLE models (
    organization_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    api_key TEXT,
    updated_at TIMESTAMP NOT NULL
);
