-- Accounts beyond the owner's: sign-up, second factor, members, invitations, API tokens, access to sources.
-- Only SQL that SQLite and PostgreSQL both read. Every secret is kept as a hash, but for the second factor's,
-- which is sealed with the server's key.

-- Whoever has an account before this upgrade got it from the owner or as the owner.
ALTER TABLE users ADD COLUMN email_verified_at TIMESTAMP;
UPDATE users SET email_verified_at = created_at;
ALTER TABLE users ADD COLUMN totp_secret TEXT;
ALTER TABLE users ADD COLUMN totp_enabled_at TIMESTAMP;
-- The last step whose code was used: none is taken twice.
ALTER TABLE users ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN last_seen_at TIMESTAMP;

ALTER TABLE sessions ADD COLUMN ip TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
ALTER TABLE sessions ADD COLUMN last_used_at TIMESTAMP;

-- Which sources a result was read from, ids joined by commas; NULL for results from before this upgrade.
ALTER TABLE results ADD COLUMN sources TEXT;

-- Somebody who signed up and has not followed the link yet. It becomes a user only then, so that nobody can
-- occupy another's address; several may try with the same address, and the one who reads its mail wins.
CREATE TABLE sign_ups (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    organization TEXT,
    token_hash TEXT NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX sign_ups_by_email ON sign_ups (email, created_at);

-- Single-use links: `verify`, `reset`, `email`. `payload` is the new address of an `email`.
CREATE TABLE user_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    payload TEXT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX user_tokens_by_user ON user_tokens (user_id, kind, created_at);

CREATE TABLE recovery_codes (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash TEXT NOT NULL
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    UNIQUE (organization_id, email)
);
CREATE INDEX invitations_by_email ON invitations (email);

-- Personal tokens for scripts. `scopes` are words joined by spaces.
CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP
);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, created_at);

-- Sources (connections and files) that are not open to everybody in the organisation. A row outlives its
-- source: answers read from it stay closed to those who could not see it.
CREATE TABLE restricted_sources (
    source_id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE
);
CREATE INDEX restricted_sources_by_organization ON restricted_sources (organization_id);

CREATE TABLE source_grants (
    source_id TEXT NOT NULL REFERENCES restricted_sources (source_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (source_id, user_id)
);
CREATE INDEX source_grants_by_user ON source_grants (user_id);

-- Who somebody is at an OpenID provider: its issuer, and its name for them, which never changes.
CREATE TABLE oidc_identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_identities_by_user ON oidc_identities (user_id);
