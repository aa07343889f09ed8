//! The HTTP API, one file per noun. A handler extracts, calls one function and returns JSON.

pub mod accounts;
pub mod agents;
pub mod audit;
pub mod connections;
pub mod conversations;
pub mod evaluations;
pub mod files;
pub mod mail;
pub mod members;
pub mod oidc;
pub mod profile;
pub mod query;
pub mod results;
pub mod samples;
pub mod settings;
pub mod sign_up;
pub mod status;
pub mod teaching;
pub mod tokens;
pub mod usage;

use utoipa_actix_web::service_config::ServiceConfig;

/// Every route below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    // They are tried in this order: what is asked most comes first.
    config
        .service(query::ask)
        .service(query::run)
        .service(query::cancel)
        .service(query::list)
        .service(query::get_one)
        .service(query::keep)
        .service(results::page)
        .service(results::export)
        .service(results::analyses)
        .service(results::analyse_result)
        .service(conversations::list)
        .service(conversations::get_one)
        .service(conversations::delete_one)
        .service(status::overview)
        .service(status::public_socket)
        .service(accounts::public_setup_state)
        .service(accounts::public_set_up)
        .service(accounts::public_log_in)
        .service(accounts::public_refresh)
        .service(accounts::public_log_out)
        .service(accounts::log_out_all_devices)
        .service(accounts::sessions)
        .service(accounts::end_session)
        .service(sign_up::public_options)
        .service(sign_up::public_sign_up)
        .service(sign_up::public_verify)
        .service(sign_up::public_resend_verification)
        .service(sign_up::public_forgot_password)
        .service(sign_up::public_reset_password)
        .service(sign_up::public_confirm_email)
        .service(profile::me)
        .service(profile::change_me)
        .service(profile::delete_me)
        .service(profile::change_password)
        .service(profile::change_email)
        .service(profile::totp)
        .service(profile::propose_totp)
        .service(profile::confirm_totp)
        .service(profile::remove_totp)
        .service(profile::replace_recovery_codes)
        .service(oidc::public_start)
        .service(oidc::public_callback)
        .service(tokens::list)
        .service(tokens::create)
        .service(tokens::delete_one)
        .service(members::get_organization)
        .service(members::change_organization)
        .service(members::list_members)
        .service(members::change_member)
        .service(members::remove_member)
        .service(members::list_invitations)
        .service(members::invite)
        .service(members::public_invitation)
        .service(members::public_accept_invitation)
        .service(members::delete_invitation)
        .service(members::resend_invitation)
        .service(members::connection_access)
        .service(members::set_connection_access)
        .service(members::file_access)
        .service(members::set_file_access)
        .service(files::upload)
        .service(files::list)
        .service(files::get_one)
        .service(files::change)
        .service(files::delete_one)
        .service(files::preview)
        .service(files::profile)
        .service(files::report)
        .service(samples::get_samples)
        .service(usage::get_usage)
        .service(evaluations::start)
        .service(evaluations::list)
        .service(evaluations::get_one)
        .service(evaluations::cancel)
        .service(evaluations::delete_one)
        .service(samples::add_samples)
        .service(connections::list)
        .service(connections::create)
        .service(connections::get_one)
        .service(connections::rename)
        .service(connections::delete_one)
        .service(connections::rotate_key)
        .service(connections::refresh_schema)
        .service(connections::schema)
        .service(connections::revoke_key)
        .service(agents::status)
        .service(agents::queries)
        .service(agents::test_connection)
        .service(agents::list)
        .service(connections::public_agent_socket)
        .service(teaching::list_entries)
        .service(teaching::add_entry)
        .service(teaching::export)
        .service(teaching::import)
        .service(teaching::change_entry)
        .service(teaching::delete_entry)
        .service(teaching::list_examples)
        .service(teaching::add_example)
        .service(teaching::change_example)
        .service(teaching::delete_example)
        .service(teaching::feedback)
        .service(teaching::give_feedback)
        .service(teaching::take_feedback_back)
        .service(settings::get_settings)
        .service(settings::set_llm)
        .service(settings::test_llm)
        .service(mail::test_mail)
        .service(mail::outgoing)
        .service(settings::change_settings)
        .service(audit::list)
        .service(audit::export);
}
