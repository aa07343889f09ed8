-- Mail that is still to go, and what is known about log-ins that failed. Only SQL that SQLite and PostgreSQL
-- both read.

-- One row a letter. `variables` is JSON and may hold a single-use link, so it is emptied once the letter has
-- gone or was given up. No foreign key: the letter about a deleted organisation has to outlive it.
-- A server that sends a letter holds it until `claimed_until`; if it dies, another one takes over then.
CREATE TABLE outgoing_mail (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT,
    recipient TEXT NOT NULL,
    template TEXT NOT NULL,
    variables TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at TIMESTAMP NOT NULL,
    claimed_until TIMESTAMP,
    unreachable BOOLEAN NOT NULL,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
);
CREATE INDEX outgoing_mail_due ON outgoing_mail (state, next_try_at);
CREATE INDEX outgoing_mail_by_organization ON outgoing_mail (organization_id, id);

-- Wrong passwords, by account (address in lower case, also one that has no account) and by network they came
-- from; the row with the empty network counts all of them. `succeeded_at`: somebody with the right password
-- came from this network.
CREATE TABLE login_attempts (
    account TEXT NOT NULL,
    network TEXT NOT NULL,
    failures INTEGER NOT NULL,
    failed_at TIMESTAMP,
    succeeded_at TIMESTAMP,
    told_at TIMESTAMP,
    PRIMARY KEY (account, network)
);
CREATE INDEX login_attempts_by_failure ON login_attempts (failed_at);
