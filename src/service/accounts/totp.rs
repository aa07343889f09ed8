//! The second factor: time-based codes (RFC 6238: SHA-1, six digits, 30 s, as every app knows them), and
//! recovery codes for when the phone is gone.
//!
//! A code is taken once: its time step, and all before it, are used up. One step to either side is allowed
//! for clocks that are off. The secret is sealed with the server's key.

use rand::Rng;
use serde_json::json;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::links::fingerprint;
use super::{Accounts, Identity, deeds};
use crate::db::users::{self, User};
use crate::db::{Conn, recovery_codes};
use crate::error::{AccountFault, Error, Result};
use crate::id;
use crate::seal::Sealer;

/// Seconds that a code is good for.
const STEP: u64 = 30;

/// Recovery codes that somebody gets at once.
const RECOVERY_CODES: usize = 10;

/// Of recovery codes, without look-alikes: 32, so that 16 of them are 80 bits.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";

/// Whether the second factor is in force.
pub struct TotpState {
    pub enabled: bool,
    pub recovery_codes_left: i64,
}

/// A second factor to put into an app; in force once a code was confirmed.
pub struct TotpProposal {
    /// Base32, for those who type it.
    pub secret: String,
    pub otpauth_url: String,
    pub qr_svg: String,
}

impl Accounts {
    /// Whether one's second factor is in force.
    pub async fn totp(&self, who: &Identity) -> Result<TotpState> {
        let id = who.user_id.clone();
        self.db
            .read(move |conn| {
                let user = own(conn, &id)?;
                Ok(TotpState {
                    enabled: user.totp_enabled_at.is_some(),
                    recovery_codes_left: recovery_codes::count(conn, &id)?,
                })
            })
            .await
    }

    /// A new secret for an app. Nothing changes before a code of it is confirmed. Errors: `Conflict` while a
    /// second factor is in force.
    pub async fn propose_totp(&self, who: &Identity) -> Result<TotpProposal> {
        let mut secret = [0u8; 20];
        rand::rng().fill(&mut secret[..]);
        let totp = build(secret.to_vec(), &who.email)?;
        let sealed = self.sealer.seal(&record(&who.user_id), &secret)?;
        let id = who.user_id.clone();
        self.db
            .write(move |conn| {
                if own(conn, &id)?.totp_enabled_at.is_some() {
                    return Err(Error::Conflict(
                        "A second factor is in force already. Remove it first.".into(),
                    ));
                }
                users::propose_totp(conn, &id, &sealed)
            })
            .await?;
        let otpauth_url = totp.to_url().map_err(Error::internal)?;
        Ok(TotpProposal {
            secret: totp.secret().to_base32(),
            qr_svg: qr_svg(&otpauth_url)?,
            otpauth_url,
        })
    }

    /// Puts the proposed second factor in force; gives the recovery codes, which are shown this once. Errors:
    /// `totp_invalid`, `Conflict`, `Invalid` when none was proposed.
    pub async fn confirm_totp(&self, who: &Identity, code: &str) -> Result<Vec<String>> {
        let codes = new_codes();
        let hashes: Vec<String> = codes.iter().map(|code| hash(code)).collect();
        let (accounts, who, code) = (self.clone(), who.clone(), code.to_owned());
        self.db
            .write(move |conn| {
                users::seen(conn, &who.user_id, id::now())?;
                let user = own(conn, &who.user_id)?;
                if user.totp_enabled_at.is_some() {
                    return Err(Error::Conflict("The second factor is in force already.".into()));
                }
                if user.totp_secret.is_none() {
                    return Err(Error::Invalid(
                        "Ask for a secret first, and put it into the app.".into(),
                    ));
                }
                if !code_fits(conn, &accounts.sealer, &user, &code)? {
                    return Err(invalid());
                }
                users::enable_totp(conn, &user.id, id::now())?;
                recovery_codes::replace(conn, &user.id, &hashes)?;
                deeds::by_oneself(conn, &who, "auth.totp_enabled", json!({}))
            })
            .await?;
        Ok(codes)
    }

    /// Takes the second factor away. Errors: `Unauthorized` for a wrong password, `totp_invalid`, `Invalid`
    /// when there is none.
    pub async fn remove_totp(&self, who: &Identity, password: String, code: &str) -> Result<()> {
        self.confirm_password(who, password).await?;
        let (accounts, who, code) = (self.clone(), who.clone(), code.to_owned());
        self.db
            .write(move |conn| {
                users::seen(conn, &who.user_id, id::now())?;
                let user = own(conn, &who.user_id)?;
                if user.totp_enabled_at.is_none() {
                    return Err(none_in_force());
                }
                check(conn, &accounts.sealer, &user, Some(&code))??;
                users::remove_totp(conn, &user.id)?;
                recovery_codes::delete_all(conn, &user.id)?;
                deeds::by_oneself(conn, &who, "auth.totp_disabled", json!({}))
            })
            .await
    }

    /// New recovery codes in place of the former ones, shown this once. Errors: `totp_invalid`, `Invalid`
    /// when no second factor is in force.
    pub async fn new_recovery_codes(&self, who: &Identity, code: &str) -> Result<Vec<String>> {
        let codes = new_codes();
        let hashes: Vec<String> = codes.iter().map(|code| hash(code)).collect();
        let (accounts, who, code) = (self.clone(), who.clone(), code.to_owned());
        self.db
            .write(move |conn| {
                users::seen(conn, &who.user_id, id::now())?;
                let user = own(conn, &who.user_id)?;
                if user.totp_enabled_at.is_none() {
                    return Err(none_in_force());
                }
                check(conn, &accounts.sealer, &user, Some(&code))??;
                recovery_codes::replace(conn, &user.id, &hashes)?;
                deeds::by_oneself(conn, &who, "auth.recovery_codes_replaced", json!({}))
            })
            .await?;
        Ok(codes)
    }

    /// Takes the second factor of an account away, from the machine itself. Errors: `NotFound`.
    pub async fn disable_totp(&self, email: &str) -> Result<()> {
        let email = super::check::normalize(email);
        self.db
            .write(move |conn| {
                let (user, _) = users::by_email(conn, &email)?.ok_or_else(|| {
                    Error::NotFound(format!("There is no account with the address {email}."))
                })?;
                users::remove_totp(conn, &user.id)?;
                recovery_codes::delete_all(conn, &user.id)?;
                deeds::by_machine(conn, &user, "auth.totp_disabled")
            })
            .await
    }
}

/// What a log-in's second factor was: `password` when there is none, `totp`, or `recovery_code`. The inner
/// error is for the person, and what the transaction wrote by then is kept.
pub(super) fn check(
    conn: &mut Conn,
    sealer: &Sealer,
    user: &User,
    code: Option<&str>,
) -> Result<Result<&'static str>> {
    if user.totp_enabled_at.is_none() {
        return Ok(Ok("password"));
    }
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
        return Ok(Err(Error::account(
            AccountFault::TotpRequired,
            "Type the code that your authenticator app shows now, or a recovery code.",
        )));
    };
    if code_fits(conn, sealer, user, code)? {
        return Ok(Ok("totp"));
    }
    if recovery_codes::take(conn, &user.id, &hash(code))? {
        return Ok(Ok("recovery_code"));
    }
    Ok(Err(invalid()))
}

/// Whether this is the code of now, or of the step before or after, not used yet; then it is used up.
fn code_fits(conn: &mut Conn, sealer: &Sealer, user: &User, code: &str) -> Result<bool> {
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (Some(sealed), true) = (&user.totp_secret, digits.len() == 6) else {
        return Ok(false);
    };
    let totp = build(sealer.open(&record(&user.id), sealed)?, &user.email)?;
    let now = u64::try_from(id::now().and_utc().timestamp()).map_err(Error::internal)?;
    match totp.check(&digits, now) {
        Some(step) => users::use_totp_step(conn, &user.id, i64::try_from(step).map_err(Error::internal)?),
        None => Ok(false),
    }
}

fn build(secret: Vec<u8>, email: &str) -> Result<Totp> {
    // A colon would end the name in the app's address.
    let name = email.replace(':', "");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(STEP)
        .with_secret(Secret::from(secret))
        .with_issuer(Some("Clean Custard"))
        .with_account_name(name)
        .build()
        .map_err(Error::internal)
}

/// What a sealed secret is bound to.
fn record(user_id: &str) -> String {
    format!("totp:{user_id}")
}

fn own(conn: &mut Conn, id: &str) -> Result<User> {
    users::by_id(conn, id)?
        .map(|(user, _)| user)
        .ok_or_else(super::sessions::logged_out)
}

fn qr_svg(text: &str) -> Result<String> {
    let code = qrcode::QrCode::new(text).map_err(Error::internal)?;
    Ok(code
        .render::<qrcode::render::svg::Color<'_>>()
        .min_dimensions(200, 200)
        .build())
}

fn new_codes() -> Vec<String> {
    let mut random = rand::rng();
    (0..RECOVERY_CODES)
        .map(|_| {
            let letters: Vec<char> = (0..16)
                .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
                .collect();
            let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
            groups.join("-")
        })
        .collect()
}

/// Typed with or without dashes, in any case.
fn hash(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    fingerprint(&format!("recovery:{plain}"))
}

fn invalid() -> Error {
    Error::account(
        AccountFault::TotpInvalid,
        "This code is wrong, or was used already. Wait for the next one, and check the clock of your phone.",
    )
}

fn none_in_force() -> Error {
    Error::Invalid("No second factor is in force.".into())
}
