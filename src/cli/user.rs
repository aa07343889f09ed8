//! `clean-custard user`: accounts, managed from the machine itself. Works beside a running server.

use std::io::Read;

use anyhow::{Context, Result, bail};

use super::Place;
use crate::config::ServerFlags;
use crate::db::Db;
use crate::service::accounts::{Accounts, Member, NewAccount, Role};

/// Manage accounts from the machine itself.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a verified account; the password comes from standard input.
    Add {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        email: String,
        /// The person's name [default: the part of the address before the @].
        #[arg(long)]
        name: Option<String>,
        /// Read the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// The organization; it is made when there is none of this name [default: the only one].
        #[arg(long, default_value = "")]
        organization: String,
        /// [default: owner for the first account of an organization, else analyst]
        #[arg(long)]
        role: Option<Role>,
    },
    /// List all accounts.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Set a new password and end the account's sessions; the password comes from standard input.
    ResetPassword {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        email: String,
        /// Read the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Take an account's second factor away, for somebody who lost phone and recovery codes.
    DisableTotp {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        email: String,
    },
}

pub async fn run(command: Command) -> Result<i32> {
    match command {
        Command::Add {
            place,
            email,
            name,
            organization,
            role,
            ..
        } => {
            let accounts = open(place)?;
            let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
            let account = NewAccount {
                email,
                name,
                password: password()?,
                organization,
            };
            let made = accounts.add(account, role).await?;
            println!(
                "Made the account {} ({} of {}).",
                made.email,
                made.role.name(),
                made.organization_name
            );
        }
        Command::List { place } => print(&open(place)?.everybody().await?),
        Command::DisableTotp { place, email } => {
            open(place)?.disable_totp(&email).await?;
            println!("The second factor of {} is removed.", email.trim().to_lowercase());
        }
        Command::ResetPassword { place, email, .. } => {
            open(place)?.reset_password(&email, password()?).await?;
            println!(
                "The password of {} is changed; its sessions have ended.",
                email.trim().to_lowercase()
            );
        }
    }
    Ok(0)
}

fn open(place: Place) -> Result<Accounts> {
    let flags = ServerFlags {
        data_dir: place.data_dir,
        ..ServerFlags::default()
    };
    let config = super::load(place.config.as_deref(), flags)?;
    let folder = &config.server.data_dir;
    if !folder.is_dir() {
        bail!(
            "There is no data folder {}. Start the server once, or say where it is with --data-dir.",
            folder.display()
        );
    }
    let db = Db::open(&folder.join("custard.db"), config.database.url.as_ref(), 2)?;
    Ok(Accounts::beside(db))
}

/// The first line of standard input.
fn password() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .context("The password could not be read")?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => bail!("There is no password on standard input."),
    }
}

fn print(accounts: &[(Member, String)]) {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header([
        "E-MAIL",
        "NAME",
        "ROLE",
        "ORGANIZATION",
        "VERIFIED",
        "TOTP",
    ]);
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" };
    for (account, organization) in accounts {
        table.add_row([
            &account.email,
            &account.name,
            account.role.name(),
            organization,
            yes_or_no(account.verified),
            yes_or_no(account.totp),
        ]);
    }
    println!("{table}");
}
