//! The tables as diesel sees them; `migrations/` is the truth.

diesel::table! {
    organizations (id) {
        id -> Text,
        name -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        organization_id -> Text,
        email -> Text,
        name -> Text,
        role -> Text,
        password_hash -> Text,
        created_at -> Timestamp,
        email_verified_at -> Nullable<Timestamp>,
        totp_secret -> Nullable<Text>,
        totp_enabled_at -> Nullable<Timestamp>,
        totp_step -> BigInt,
        last_seen_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        refresh_hash -> Text,
        previous_hash -> Nullable<Text>,
        rotated_at -> Timestamp,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        revoked_at -> Nullable<Timestamp>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sign_ups (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        organization -> Nullable<Text>,
        token_hash -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    user_tokens (id) {
        id -> Text,
        user_id -> Text,
        kind -> Text,
        token_hash -> Text,
        payload -> Nullable<Text>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    recovery_codes (id) {
        id -> Text,
        user_id -> Text,
        code_hash -> Text,
    }
}

diesel::table! {
    invitations (id) {
        id -> Text,
        organization_id -> Text,
        email -> Text,
        role -> Text,
        invited_by -> Text,
        token_hash -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> Text,
        user_id -> Text,
        name -> Text,
        prefix -> Text,
        token_hash -> Text,
        scopes -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    restricted_sources (source_id) {
        source_id -> Text,
        organization_id -> Text,
    }
}

diesel::table! {
    source_grants (source_id, user_id) {
        source_id -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    oidc_identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        user_id -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    files (id) {
        id -> Text,
        organization_id -> Text,
        created_by -> Text,
        name -> Text,
        format -> Text,
        size_bytes -> BigInt,
        sample -> Bool,
        generation -> Text,
        tables -> Text,
        overrides -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    connections (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        db_type -> Text,
        key_hash -> Text,
        catalog -> Nullable<Text>,
        discovered_at -> Nullable<Timestamp>,
        last_seen_at -> Nullable<Timestamp>,
        agent_version -> Nullable<Text>,
        database_version -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    conversations (id) {
        id -> Text,
        organization_id -> Text,
        user_id -> Text,
        title -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    queries (id) {
        id -> Text,
        organization_id -> Text,
        user_id -> Text,
        conversation_id -> Text,
        question -> Text,
        outcome -> Text,
        answer -> Text,
        result_id -> Nullable<Text>,
        kept -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    results (id) {
        id -> Text,
        organization_id -> Text,
        user_id -> Text,
        row_count -> BigInt,
        size_bytes -> BigInt,
        truncated -> Bool,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        sources -> Nullable<Text>,
    }
}

diesel::table! {
    outgoing_mail (id) {
        id -> Text,
        organization_id -> Nullable<Text>,
        recipient -> Text,
        template -> Text,
        variables -> Text,
        state -> Text,
        attempts -> Integer,
        next_try_at -> Timestamp,
        claimed_until -> Nullable<Timestamp>,
        unreachable -> Bool,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    audit (id) {
        id -> Text,
        organization_id -> Text,
        actor_id -> Nullable<Text>,
        actor -> Text,
        action -> Text,
        target_kind -> Text,
        target_id -> Text,
        details -> Text,
        ip -> Nullable<Text>,
        at -> Timestamp,
    }
}

diesel::table! {
    login_attempts (account, network) {
        account -> Text,
        network -> Text,
        failures -> Integer,
        failed_at -> Nullable<Timestamp>,
        succeeded_at -> Nullable<Timestamp>,
        told_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    audit_retention (organization_id) {
        organization_id -> Text,
        released_before -> Timestamp,
    }
}

diesel::table! {
    preferences (organization_id) {
        organization_id -> Text,
        value -> Text,
        updated_at -> Timestamp,
    }
}

diesel::joinable!(users -> organizations (organization_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(invitations -> organizations (organization_id));
diesel::joinable!(api_tokens -> users (user_id));
diesel::joinable!(source_grants -> restricted_sources (source_id));
diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    users,
    sessions,
    sign_ups,
    user_tokens,
    recovery_codes,
    invitations,
    api_tokens,
    restricted_sources,
    source_grants,
    oidc_identities,
    files,
    connections,
    conversations,
    queries,
    results,
);
