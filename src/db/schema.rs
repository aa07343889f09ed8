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

diesel::table! {
    models (organization_id) {
        organization_id -> Text,
        value -> Text,
        api_key -> Nullable<Text>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    glossary (id) {
        id -> Text,
        organization_id -> Text,
        kind -> Text,
        name -> Text,
        meaning -> Text,
        source_id -> Nullable<Text>,
        slot -> Text,
        status -> Text,
        origin -> Text,
        created_by -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    examples (id) {
        id -> Text,
        organization_id -> Text,
        question -> Text,
        query -> Text,
        dialect -> Text,
        connection_id -> Nullable<Text>,
        file_ids -> Text,
        digest -> Text,
        status -> Text,
        origin -> Text,
        answer_id -> Nullable<Text>,
        created_by -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    feedback (query_id) {
        query_id -> Text,
        verdict -> Text,
        comment -> Nullable<Text>,
        suggested_example_id -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    token_usage (organization_id, day, user_id, model) {
        organization_id -> Text,
        day -> Text,
        user_id -> Text,
        model -> Text,
        questions -> BigInt,
        calls -> BigInt,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        cost -> BigInt,
    }
}

diesel::table! {
    evaluations (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        connection_id -> Nullable<Text>,
        file_ids -> Text,
        translator -> Text,
        model -> Nullable<Text>,
        status -> Text,
        error -> Nullable<Text>,
        total -> BigInt,
        started_by -> Text,
        started_at -> Timestamp,
        seen_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    evaluation_questions (evaluation_id, number) {
        evaluation_id -> Text,
        number -> BigInt,
        question -> Text,
        suite -> Text,
        category -> Text,
        instructions -> Text,
        right_query -> Nullable<Text>,
        right_answer -> Nullable<Text>,
        verdict -> Nullable<Text>,
        query -> Nullable<Text>,
        note -> Nullable<Text>,
        elapsed_ms -> Nullable<Double>,
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
