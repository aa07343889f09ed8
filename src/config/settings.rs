//! The layers under a configuration: a TOML file and the environment, read key by key.
//!
//! A key is known because somebody asks for it, so there is one list of keys, and it is the code that uses
//! them. Every message names where the value stands: file and line, or the variable. Plain serde structs
//! were not taken here because they forget that once layers are merged. Values never appear in messages:
//! they may be secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::Setting;
use crate::error::{Error, Result};

/// What a configuration is made from, besides flags. Gathered by `cli`: nothing else reads files or the
/// environment for it.
pub struct Inputs<'a> {
    /// The configuration file's name, for messages, and its text.
    pub file: Option<(&'a Path, &'a str)>,
    /// The environment.
    pub env: &'a BTreeMap<String, String>,
    /// Reads the small files that `…_file` keys name.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// Beginning of the variables that are ours.
const PREFIX: &str = "CUSTARD_";

/// Variables that begin like ours and carry something else, each with the role that reads it.
const PLAIN_WITH_PREFIX: [&str; 1] = ["CUSTARD_AGENT_KEY"];

/// The two layers, and which keys have been asked for.
pub(super) struct Settings<'a> {
    file_name: String,
    text: &'a str,
    file: Option<Spanned<DeTable<'a>>>,
    env: &'a BTreeMap<String, String>,
    read: &'a dyn Fn(&Path) -> io::Result<String>,
    known: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Keys that hold tables, which no variable can.
    tables: BTreeSet<String>,
}

/// One table of a list of tables, such as `[[agent.connections]]`.
pub(super) struct Entry<'s> {
    settings: &'s Settings<'s>,
    label: String,
    table: &'s DeTable<'s>,
    line: usize,
    known: BTreeSet<&'static str>,
}

impl<'a> Settings<'a> {
    /// Errors: `Invalid` when the file is no TOML.
    pub(super) fn new(inputs: &Inputs<'a>) -> Result<Settings<'a>> {
        let (file_name, text) = match inputs.file {
            Some((path, text)) => (path.display().to_string(), text),
            None => (String::new(), ""),
        };
        let file = match inputs.file {
            None => None,
            Some(_) => Some(DeTable::parse(text).map_err(|error| {
                let line = line_of(text, &error.span().unwrap_or_default());
                Error::Invalid(format!("{file_name} line {line}: {}.", error.message()))
            })?),
        };
        Ok(Settings {
            file_name,
            text,
            file,
            env: inputs.env,
            read: inputs.read,
            known: BTreeMap::new(),
            tables: BTreeSet::new(),
        })
    }

    /// The value of a key: from `CUSTARD_<SECTION>_<KEY>`, else from the file. Errors: `Invalid` when either
    /// holds something else than this type.
    pub(super) fn get<T: Setting>(&mut self, section: &'static str, key: &'static str) -> Result<Option<T>> {
        self.get_or_plain(section, key, &[])
    }

    /// The same, but one of the plain variables may hold it too. Our own name goes before a plain one, which
    /// may be there for another program.
    pub(super) fn get_or_plain<T: Setting>(
        &mut self,
        section: &'static str,
        key: &'static str,
        plain: &[&'static str],
    ) -> Result<Option<T>> {
        self.known.entry(section).or_default().insert(key);
        let from_file = self.in_file(section, key)?;
        let own = variable(section, key);
        for name in std::iter::once(own.as_str()).chain(plain.iter().copied()) {
            if let Some(value) = self.variable(name)? {
                return Ok(Some(value));
            }
        }
        Ok(from_file)
    }

    /// A secret: the key itself, or a file that holds it (`<key>_file`). Errors: `Invalid` when both are set
    /// at the same place, or the file cannot be read or is empty.
    pub(super) fn secret(
        &mut self,
        section: &'static str,
        key: &'static str,
        key_file: &'static str,
        plain: &[&'static str],
    ) -> Result<Option<SecretString>> {
        let known = self.known.entry(section).or_default();
        known.insert(key);
        known.insert(key_file);

        let in_file: Option<SecretString> = self.in_file(section, key)?;
        let in_file_path: Option<PathBuf> = self.in_file(section, key_file)?;
        let mut in_env = None;
        let own = variable(section, key);
        for name in std::iter::once(own.as_str()).chain(plain.iter().copied()) {
            if in_env.is_none() {
                in_env = self.variable(name)?;
            }
        }
        let own_file = variable(section, key_file);
        let in_env_path: Option<PathBuf> = self.variable(&own_file)?;

        match (in_env, in_env_path) {
            (Some(_), Some(_)) => Err(Error::Invalid(format!(
                "{own_file} is set beside {own} or its plain name; keep one of them."
            ))),
            (Some(secret), None) => Ok(Some(secret)),
            (None, Some(path)) => self.read_secret(&own_file, &path).map(Some),
            (None, None) => match (in_file, in_file_path) {
                (Some(_), Some(_)) => Err(Error::Invalid(format!(
                    "{}: [{section}] sets both `{key}` and `{key_file}`; keep one of them.",
                    self.file_name
                ))),
                (Some(secret), None) => Ok(Some(secret)),
                (None, Some(path)) => self
                    .read_secret(&format!("`{key_file}` in [{section}]"), &path)
                    .map(Some),
                (None, None) => Ok(None),
            },
        }
    }

    /// A variable of the environment; set but empty counts as not set. Errors: `Invalid` when it holds
    /// something else than this type.
    pub(super) fn variable<T: Setting>(&self, name: &str) -> Result<Option<T>> {
        match self.env.get(name).filter(|text| !text.trim().is_empty()) {
            None => Ok(None),
            Some(text) => T::from_text(text)
                .map(Some)
                .ok_or_else(|| Error::Invalid(format!("The variable {name} has to be {}.", T::WHAT))),
        }
    }

    /// Whether our own variable of a key is set.
    pub(super) fn is_set(&self, section: &str, key: &str) -> bool {
        let value = self.env.get(&variable(section, key));
        value.is_some_and(|text| !text.trim().is_empty())
    }

    /// The tables of a list `[[section.key]]`, which stands in the file only.
    pub(super) fn entries(&mut self, section: &'static str, key: &'static str) -> Result<Vec<Entry<'_>>> {
        self.known.entry(section).or_default().insert(key);
        self.tables.insert(variable(section, key));
        let settings = &*self;
        let Some(value) = settings.section(section)?.and_then(|table| table.get(key)) else {
            return Ok(Vec::new());
        };
        let wrong = |span: Range<usize>| {
            Error::Invalid(format!(
                "{} line {}: `{key}` in [{section}] has to be written as [[{section}.{key}]] tables.",
                settings.file_name,
                line_of(settings.text, &span)
            ))
        };
        let array = value.get_ref().as_array().ok_or_else(|| wrong(value.span()))?;
        array
            .iter()
            .map(|item| {
                Ok(Entry {
                    settings,
                    label: format!("[[{section}.{key}]]"),
                    table: item.get_ref().as_table().ok_or_else(|| wrong(item.span()))?,
                    line: line_of(settings.text, &item.span()),
                    known: BTreeSet::new(),
                })
            })
            .collect()
    }

    /// Refuses what nobody asked for, in the file and in the environment. To be called after the last key
    /// was read. Errors: `Invalid` with the nearest known key.
    pub(super) fn refuse_unknown(&self) -> Result<()> {
        for (name, value) in self.file.iter().flat_map(|file| file.get_ref().iter()) {
            let line = line_of(self.text, &name.span());
            let Some((section, keys)) = self.known.get_key_value(name.get_ref().as_ref()) else {
                let what = match value.get_ref() {
                    DeValue::Table(_) => format!("unknown section [{}]", name.get_ref()),
                    _ => format!("unknown key `{}` outside of any section", name.get_ref()),
                };
                let hint = match nearest(name.get_ref(), self.known.keys().copied()) {
                    Some(near) => format!("did you mean [{near}]?"),
                    None => "config.example.toml explains all of them.".into(),
                };
                return Err(Error::Invalid(format!(
                    "{} line {line}: {what}; {hint}",
                    self.file_name
                )));
            };
            for key in value
                .get_ref()
                .as_table()
                .into_iter()
                .flat_map(|table| table.keys())
            {
                self.refuse_key(&format!("[{section}]"), keys, key)?;
            }
        }
        self.refuse_unknown_variables()
    }

    /// Every known key as `section.key`.
    pub(super) fn known(&self) -> Vec<String> {
        self.known
            .iter()
            .flat_map(|(section, keys)| keys.iter().map(move |key| format!("{section}.{key}")))
            .collect()
    }

    fn refuse_key(
        &self,
        label: &str,
        known: &BTreeSet<&'static str>,
        key: &Spanned<std::borrow::Cow<'_, str>>,
    ) -> Result<()> {
        if known.contains(key.get_ref().as_ref()) {
            return Ok(());
        }
        let hint = match nearest(key.get_ref(), known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "config.example.toml explains all of them.".into(),
        };
        Err(Error::Invalid(format!(
            "{} line {}: unknown key `{}` in {label}; {hint}",
            self.file_name,
            line_of(self.text, &key.span()),
            key.get_ref()
        )))
    }

    fn refuse_unknown_variables(&self) -> Result<()> {
        let known: BTreeSet<String> = self
            .known
            .iter()
            .flat_map(|(section, keys)| keys.iter().map(move |key| variable(section, key)))
            .filter(|name| !self.tables.contains(name))
            .chain(PLAIN_WITH_PREFIX.map(String::from))
            .collect();
        for name in self.env.keys().filter(|name| name.starts_with(PREFIX)) {
            if known.contains(name) || is_service_link(name) {
                continue;
            }
            let near = nearest(name, known.iter().map(String::as_str));
            let in_our_section = self
                .known
                .keys()
                .any(|section| name.starts_with(&variable(section, "")));
            match near {
                Some(near) => {
                    return Err(Error::Invalid(format!(
                        "The variable {name} is not known; did you mean {near}?"
                    )));
                }
                None if in_our_section => {
                    return Err(Error::Invalid(format!(
                        "The variable {name} is not known; config.example.toml explains all of them."
                    )));
                }
                // Somebody else's, such as a script's own CUSTARD_HOME.
                None => {}
            }
        }
        Ok(())
    }

    fn section(&self, section: &str) -> Result<Option<&DeTable<'a>>> {
        let Some(value) = self.file.as_ref().and_then(|file| file.get_ref().get(section)) else {
            return Ok(None);
        };
        value.get_ref().as_table().map(Some).ok_or_else(|| {
            Error::Invalid(format!(
                "{} line {}: `{section}` has to be a section, written [{section}].",
                self.file_name,
                line_of(self.text, &value.span())
            ))
        })
    }

    fn in_file<T: Setting>(&self, section: &str, key: &str) -> Result<Option<T>> {
        match self.section(section)?.and_then(|table| table.get(key)) {
            None => Ok(None),
            Some(value) => self.typed(&format!("[{section}]"), key, value).map(Some),
        }
    }

    fn typed<T: Setting>(&self, label: &str, key: &str, value: &Spanned<DeValue<'_>>) -> Result<T> {
        T::from_toml(value.get_ref()).ok_or_else(|| {
            Error::Invalid(format!(
                "{} line {}: `{key}` in {label} has to be {}.",
                self.file_name,
                line_of(self.text, &value.span()),
                T::WHAT
            ))
        })
    }

    fn read_secret(&self, named_by: &str, path: &Path) -> Result<SecretString> {
        let text = (self.read)(path).map_err(|error| {
            Error::Invalid(format!(
                "The file {} named by {named_by} could not be read: {error}.",
                path.display()
            ))
        })?;
        SecretString::from_text(text.trim_end_matches(['\r', '\n'])).ok_or_else(|| {
            Error::Invalid(format!(
                "The file {} named by {named_by} is empty.",
                path.display()
            ))
        })
    }
}

impl Entry<'_> {
    /// The value of a key of this table.
    pub(super) fn get<T: Setting>(&mut self, key: &'static str) -> Result<Option<T>> {
        self.known.insert(key);
        match self.table.get(key) {
            None => Ok(None),
            Some(value) => self.settings.typed(&self.label, key, value).map(Some),
        }
    }

    /// A secret, as [`Settings::secret`].
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        key_file: &'static str,
    ) -> Result<Option<SecretString>> {
        let secret = self.get(key)?;
        let path: Option<PathBuf> = self.get(key_file)?;
        match (secret, path) {
            (Some(_), Some(_)) => {
                Err(self.wrong(&format!("sets both `{key}` and `{key_file}`; keep one of them")))
            }
            (None, Some(path)) => self
                .settings
                .read_secret(&format!("`{key_file}` in {}", self.label), &path)
                .map(Some),
            (secret, None) => Ok(secret),
        }
    }

    /// Refuses keys that nobody asked for.
    pub(super) fn refuse_unknown(&self) -> Result<()> {
        for key in self.table.keys() {
            self.settings.refuse_key(&self.label, &self.known, key)?;
        }
        Ok(())
    }

    /// An error about this table as a whole.
    pub(super) fn wrong(&self, what: &str) -> Error {
        Error::Invalid(format!(
            "{} line {}: {} {what}.",
            self.settings.file_name, self.line, self.label
        ))
    }
}

/// The variable that holds a key.
fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{section}_{key}").to_ascii_uppercase()
}

/// Whether a container platform made this variable from a service called `custard-…`: such names are not
/// the user's mistake.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}

/// The known name that a mistyped one most likely meant.
fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let allowed = (name.len() / 4).clamp(1, 3);
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    let before = text.get(..span.start).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}
