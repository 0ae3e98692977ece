//! Metadata in the text form, between the name and the colon:
//! `name(stack)#volume<key=value,...>~&:value`.
//!
//! - `(eng,+eng/web)`: the reservation stack, `+` for dynamic; an entry may go on with `@principal`
//!   and `{label=value&label}`
//! - `#id`: a persistent volume, seen by tasks under `id`; `#id@principal` says who made it
//! - `<...>`: `path`, `host`, `mode` (`rw`, `ro`), `volume=none`, `source` (`path`, `mount`,
//!   `block`, `raw`), `root`, `vendor`, `id`, `profile`, `metadata`, `provider`
//! - `~`: revocable; `&`: shared
//!
//! Characters that mean something here are written as `%` and two hexadecimal digits.

use std::fmt::{self, Write as _};

use super::excerpt::Excerpt;
use super::key::{Meta, ResourceKey};
use super::metadata::{
    Disk, Label, Metadata, Persistence, Reservation, ReservationKind, Source, SourceKind, Volume,
    VolumeMode,
};
use super::name::Name;
use super::text::Reason;

/// Characters of names and metadata that the form uses itself.
const SPECIAL: &str = "%#<>~&(){}[],@=+:;";
/// Those that a legal resource name may hold and that begin a decoration.
const SPECIAL_IN_NAME: &str = "%#<>~&";

/// A text with what would be misread escaped.
struct Escaped<'a>(&'a str, &'static str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if self.1.contains(c) || c.is_whitespace() || c.is_control() {
                let mut utf8 = [0; 4];
                for byte in c.encode_utf8(&mut utf8).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

const fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text, SPECIAL)
}

/// Undoes [`Escaped`]; a `%` that no two hexadecimal digits follow stands for itself.
fn unescape(text: &str) -> Result<Box<str>, Reason> {
    let text = text.trim();
    if !text.contains('%') {
        return Ok(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digit = |digit: u8| char::from(digit).to_digit(16);
                digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low)
            }
            _ => None,
        };
        match byte.and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes)
        .map(String::into_boxed_str)
        .map_err(|_| Reason::Decoration { found: Excerpt::new(text) })
}

fn misread(text: &str) -> Reason {
    Reason::Decoration { found: Excerpt::new(text) }
}

/// Reads what stands before the colon.
pub(super) fn parse_key(text: &str) -> Result<(Name, Meta), Reason> {
    let text = text.trim();
    let begin = text.find(['(', ')', '#', '<', '>', '~', '&']).unwrap_or(text.len());
    let name = Name::new(&unescape(&text[..begin])?)?;
    let mut rest = text[begin..].trim_start();
    if rest.is_empty() {
        return Ok((name, Meta::PLAIN));
    }
    let mut metadata = Metadata::default();
    if let Some(inner) = rest.strip_prefix('(') {
        let (stack, after) = inner.split_once(')').ok_or(Reason::Unbalanced { found: '(' })?;
        if stack.trim() != "*" {
            let entries = stack.split(',').map(parse_reservation);
            metadata.reservations = entries.collect::<Result<_, _>>()?;
        }
        rest = after.trim_start();
    }
    let mut volume_given = false;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let end = match first {
            '#' => {
                let end = after.find(['<', '~', '&']).unwrap_or(after.len());
                let disk = metadata.disk.get_or_insert_default();
                disk.persistence = Some(parse_persistence(&after[..end])?);
                end
            }
            '<' => {
                let end = after.find('>').ok_or(Reason::Unbalanced { found: '<' })?;
                volume_given |= parse_details(&mut metadata, &after[..end])?;
                end + 1
            }
            '~' => {
                metadata.revocable = true;
                0
            }
            '&' => {
                metadata.shared = true;
                0
            }
            ')' | '(' => return Err(Reason::Unbalanced { found: first }),
            _ => return Err(misread(rest)),
        };
        rest = after[end..].trim_start();
    }
    if let Some(disk) = metadata.disk.as_mut() {
        default_volume(disk, volume_given);
    }
    Ok((name, metadata.into()))
}

/// A volume of which only the id is given is seen under that id.
fn default_volume(disk: &mut Disk, given: bool) {
    let Some(persistence) = &disk.persistence else { return };
    match &mut disk.volume {
        None if !given => {
            let container_path = persistence.id.clone();
            disk.volume = Some(Volume { container_path, ..Volume::default() });
        }
        Some(volume) if volume.container_path.is_empty() => {
            volume.container_path = persistence.id.clone();
        }
        _ => {}
    }
}

fn parse_reservation(entry: &str) -> Result<Reservation, Reason> {
    let entry = entry.trim();
    let (kind, rest) = match entry.strip_prefix('+') {
        Some(rest) => (ReservationKind::Dynamic, rest),
        None => (ReservationKind::Static, entry),
    };
    let (rest, labels) = match rest.split_once('{') {
        None => (rest, None),
        Some((rest, labels)) => {
            let inner = labels.trim_end().strip_suffix('}').ok_or_else(|| misread(entry))?;
            (rest, Some(parse_labels(inner)?))
        }
    };
    let (role, principal) = match rest.split_once('@') {
        None => (rest, None),
        Some((role, principal)) => (role, Some(unescape(principal)?)),
    };
    Ok(Reservation { kind, role: unescape(role)?, principal, labels })
}

fn parse_labels(text: &str) -> Result<Vec<Label>, Reason> {
    let parts = text.split('&').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| match part.split_once('=') {
            None => Ok((unescape(part)?, None)),
            Some((key, value)) => Ok((unescape(key)?, Some(unescape(value)?))),
        })
        .collect()
}

fn parse_persistence(text: &str) -> Result<Persistence, Reason> {
    Ok(match text.split_once('@') {
        None => Persistence { id: unescape(text)?, principal: None },
        Some((id, principal)) => {
            Persistence { id: unescape(id)?, principal: Some(unescape(principal)?) }
        }
    })
}

/// Reads `key=value,...`; says whether a volume is given or excluded.
fn parse_details(metadata: &mut Metadata, text: &str) -> Result<bool, Reason> {
    let mut source: Option<Source> = None;
    let mut details = Vec::new();
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| misread(part))?;
        if key.trim() == "source" {
            source = Some(Source::of(source_kind(value.trim()).ok_or_else(|| misread(part))?));
        } else {
            details.push((key.trim(), value, part));
        }
    }
    let mut volume: Option<Volume> = None;
    let mut given = false;
    for (key, value, part) in details {
        if key == "provider" {
            metadata.provider = Some(unescape(value)?);
            continue;
        }
        if key == "volume" && value.trim() == "none" {
            given = true;
            continue;
        }
        if matches!(key, "path" | "host" | "mode") {
            let volume = volume.get_or_insert_default();
            match (key, value.trim()) {
                ("path", path) => volume.container_path = unescape(path)?,
                ("host", path) => volume.host_path = Some(unescape(path)?),
                ("mode", "rw") => volume.mode = VolumeMode::ReadWrite,
                ("mode", "ro") => volume.mode = VolumeMode::ReadOnly,
                _ => return Err(misread(part)),
            }
            continue;
        }
        let source = source.as_mut().ok_or_else(|| misread(part))?;
        let field = match key {
            "root" => &mut source.root,
            "vendor" => &mut source.vendor,
            "id" => &mut source.id,
            "profile" => &mut source.profile,
            "metadata" => {
                source.metadata = Some(parse_labels(value)?);
                continue;
            }
            _ => return Err(misread(part)),
        };
        *field = Some(unescape(value)?);
    }
    if source.is_some() || volume.is_some() || given {
        let disk = metadata.disk.get_or_insert_default();
        given |= volume.is_some();
        (disk.source, disk.volume) = (source, volume);
    }
    Ok(given)
}

fn source_kind(text: &str) -> Option<SourceKind> {
    [SourceKind::Path, SourceKind::Mount, SourceKind::Block, SourceKind::Raw]
        .into_iter()
        .find(|kind| kind.text() == text)
}

impl SourceKind {
    /// `path`, `mount`, `block` or `raw`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Mount => "mount",
            Self::Block => "block",
            Self::Raw => "raw",
        }
    }

    /// The name as Mesos writes it.
    #[must_use]
    pub const fn mesos_name(self) -> &'static str {
        match self {
            Self::Path => "PATH",
            Self::Mount => "MOUNT",
            Self::Block => "BLOCK",
            Self::Raw => "RAW",
        }
    }
}

/// The name as it stands before the colon; `{:#}` as Mesos prints it.
pub(super) fn write_name(f: &mut fmt::Formatter<'_>, name: &Name) -> fmt::Result {
    if f.alternate() {
        f.write_str(name.as_str())
    } else {
        write!(f, "{}", Escaped(name.as_str(), SPECIAL_IN_NAME))
    }
}

impl fmt::Display for ResourceKey {
    /// The part before the colon in the text form; `{:#}` as Mesos prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(f, &self.name)?;
        let Some(metadata) = self.metadata() else { return Ok(()) };
        if f.alternate() {
            return super::meta_mesos::write(f, metadata);
        }
        write_stack(f, &metadata.reservations)?;
        let persistence = metadata.disk.as_ref().and_then(|disk| disk.persistence.as_ref());
        if let Some(persistence) = persistence {
            write!(f, "#{}", escaped(&persistence.id))?;
            if let Some(principal) = &persistence.principal {
                write!(f, "@{}", escaped(principal))?;
            }
        }
        write_details(f, metadata)?;
        if metadata.revocable {
            f.write_char('~')?;
        }
        if metadata.shared {
            f.write_char('&')?;
        }
        Ok(())
    }
}

fn write_stack(f: &mut fmt::Formatter<'_>, stack: &[Reservation]) -> fmt::Result {
    for (i, entry) in stack.iter().enumerate() {
        f.write_char(if i == 0 { '(' } else { ',' })?;
        if entry.kind == ReservationKind::Dynamic {
            f.write_char('+')?;
        }
        write!(f, "{}", escaped(&entry.role))?;
        if let Some(principal) = &entry.principal {
            write!(f, "@{}", escaped(principal))?;
        }
        if let Some(labels) = &entry.labels {
            write!(f, "{{{}}}", Labels(labels))?;
        }
    }
    if stack.is_empty() { Ok(()) } else { f.write_char(')') }
}

struct Labels<'a>(&'a [Label]);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (key, value)) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "&" };
            write!(f, "{separator}{}", escaped(key))?;
            if let Some(value) = value {
                write!(f, "={}", escaped(value))?;
            }
        }
        Ok(())
    }
}

fn write_details(f: &mut fmt::Formatter<'_>, metadata: &Metadata) -> fmt::Result {
    let mut out = String::new();
    let mut put = |key: &str, value: &dyn fmt::Display| {
        let comma = if out.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(out, "{comma}{key}={value}");
    };
    if let Some(disk) = &metadata.disk {
        write_volume(disk, &mut put);
        if let Some(source) = &disk.source {
            put("source", &source.kind.text());
            let texts = [
                ("root", &source.root),
                ("vendor", &source.vendor),
                ("id", &source.id),
                ("profile", &source.profile),
            ];
            for (key, text) in texts {
                if let Some(text) = text {
                    put(key, &escaped(text));
                }
            }
            if let Some(labels) = &source.metadata {
                put("metadata", &Labels(labels));
            }
        }
    }
    if let Some(provider) = &metadata.provider {
        put("provider", &escaped(provider));
    }
    if out.is_empty() { Ok(()) } else { write!(f, "<{out}>") }
}

/// What `#id` alone does not say of the volume.
fn write_volume(disk: &Disk, put: &mut impl FnMut(&str, &dyn fmt::Display)) {
    let id = disk.persistence.as_ref().map(|persistence| &persistence.id);
    let Some(volume) = &disk.volume else {
        if id.is_some() || disk.source.is_none() {
            put("volume", &"none");
        }
        return;
    };
    let is_default = id == Some(&volume.container_path);
    if !is_default {
        put("path", &escaped(&volume.container_path));
    }
    if let Some(host) = &volume.host_path {
        put("host", &escaped(host));
    }
    if volume.mode == VolumeMode::ReadOnly {
        put("mode", &"ro");
    }
}
