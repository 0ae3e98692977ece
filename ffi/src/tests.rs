//! What the header says in numbers is what the core says; what it promises of each function is
//! there; what lies where is written down in `tests/abi/layout.txt`.

use std::fmt::Write as _;
use std::mem::offset_of;

use tamias_core::Code;
use tamias_core::status::{Reason, Source, TaskState};

use crate::batch::ItemResult;
use crate::error::Error;
use crate::events::{
    AcknowledgedEvent, AgentEvent, EndEvent, Event, EventBody, KillEvent, LaunchEvent, OfferEvent,
    OtherEvent, RescindEvent, UpdateEvent,
};
use crate::kernel::Options;
use crate::offers::{Accept, Task, TaskResult};
use crate::session::Subscription;
use crate::strings::{Buffer, Bytes, Str};
use crate::tasks::{Acknowledgement, AgentInfo, Kill, Update};

const HEADER: &str = include_str!("../../include/tamias.h");

fn c_name(pointer: *const std::ffi::c_char) -> &'static str {
    // SAFETY: the name functions give static NUL-terminated texts.
    unsafe { std::ffi::CStr::from_ptr(pointer) }.to_str().unwrap()
}

/// `OfferGone` as `OFFER_GONE`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}

/// The constants of the header whose names begin so, with their values.
fn constants(prefix: &str) -> Vec<(&'static str, i64)> {
    let lines = HEADER.lines().filter_map(|line| line.strip_prefix("#define "));
    let named = lines.filter(|line| line.starts_with(prefix) && !line.contains("_INIT"));
    named.map(|line| line.split_once(' ').unwrap()).map(|(n, v)| (n, v.parse().unwrap())).collect()
}

#[test]
fn every_code_has_its_constant_and_name() {
    let given = constants("TAMIAS_ERR_");
    for code in Code::ALL {
        let name = format!("TAMIAS_ERR_{}", screaming(code.name()));
        let number = -i64::from(code.number());
        assert!(
            given.contains(&(name.as_str(), number)),
            "add `pub const {name}: i32 = {number};` to ffi/src/error.rs, run cargo xtask header"
        );
        let status = crate::error::status(*code);
        assert_eq!(c_name(crate::error::tamias_code_name(status)), code.name());
        assert_eq!(c_name(crate::error::tamias_code_name(-status)), code.name());
        let class = format!("TAMIAS_CLASS_{}", screaming(&format!("{:?}", code.class())));
        let classes = constants(&class);
        assert!(classes.contains(&(&class, i64::from(code.class() as u8))), "{class}");
    }
    assert_eq!(given.len(), Code::ALL.len(), "a constant without a code");
    assert_eq!(c_name(crate::error::tamias_code_name(0)), "Ok");
    assert_eq!(c_name(crate::error::tamias_code_name(i32::MIN)), "Unknown");
}

#[test]
fn states_reasons_and_sources_are_those_of_the_core() {
    use crate::vocabulary as names;
    let mut expected = Vec::new();
    for state in TaskState::ALL {
        expected.push((format!("TAMIAS_{}", state.name()), i64::from(state.number())));
        assert_eq!(c_name(names::tamias_task_state_name(state.number().into())), state.name());
    }
    for reason in Reason::ALL {
        expected.push((format!("TAMIAS_{}", reason.name()), i64::from(reason.number())));
        assert_eq!(c_name(names::tamias_reason_name(reason.number().into())), reason.name());
    }
    for source in Source::ALL {
        expected.push((format!("TAMIAS_{}", source.name()), i64::from(source.number())));
        assert_eq!(c_name(names::tamias_source_name(source.number().into())), source.name());
    }
    let mut given = constants("TAMIAS_TASK_");
    given.extend(constants("TAMIAS_REASON_"));
    given.extend(constants("TAMIAS_SOURCE_"));
    let given: Vec<_> = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(given, expected);
    assert_eq!(c_name(names::tamias_task_state_name(99)), "UNKNOWN_NUMBER");
    assert_eq!(c_name(names::tamias_reason_name(names::TAMIAS_NONE)), "UNKNOWN_NUMBER");
}

#[test]
fn every_function_says_who_may_call_and_since_when() {
    let mut comment = String::new();
    let mut functions = 0;
    for line in HEADER.lines() {
        if let Some(text) = line.strip_prefix("///") {
            comment += text;
            continue;
        }
        if line.starts_with("TAMIAS_API") {
            functions += 1;
            let said = ["Thread-safe.", "Externally synchronised."];
            assert!(said.iter().any(|s| comment.contains(s)), "{line}: {comment}");
            assert!(comment.contains("Since: ") && comment.contains("Stability: "), "{comment}");
        }
        comment.clear();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/abi/symbols.txt");
    let symbols = std::fs::read_to_string(path).unwrap();
    assert_eq!(functions, symbols.lines().count(), "functions in the header, and symbols");
}

fn size_of_field<T, F>(_: impl FnOnce(&T) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($text:ident, $($type:ident $name:literal { $($field:ident)* })*) => {
        $(
            // A field that is missing here does not compile.
            let _ = |value: &$type| { let $type { $($field: _),* } = value; };
            writeln!($text, "{} {} {}", $name, size_of::<$type>(), align_of::<$type>()).unwrap();
            $(
                let offset = offset_of!($type, $field);
                let size = size_of_field(|value: &$type| &value.$field);
                writeln!($text, "{}.{} {offset} {size}", $name, stringify!($field)).unwrap();
            )*
        )*
    };
}

/// Size and alignment of each struct, offset and size of each field.
fn layout() -> String {
    let mut text = String::new();
    layout! { text,
        Str "tamias_str" { ptr len }
        Bytes "tamias_bytes" { ptr len }
        Buffer "tamias_buffer" { data len capacity }
        Error "tamias_error" { size code index id field message }
        Options "tamias_options" { size abi_version json }
        Subscription "tamias_subscription" {
            size reserved name roles role_count suppressed_roles suppressed_role_count
            failover_timeout_ns framework json
        }
        OfferEvent "tamias_offer_event" {
            offer agent expires_ns role resources agent_name attributes
        }
        RescindEvent "tamias_rescind_event" { offer reason reserved }
        UpdateEvent "tamias_update_event" {
            task agent uuid time_ns unreachable_since_ns state reason source health
            must_acknowledge reserved name message data
        }
        AgentEvent "tamias_agent_event" { agent }
        EndEvent "tamias_end_event" { reason reserved }
        LaunchEvent "tamias_launch_event" { agent task framework role name resources json }
        KillEvent "tamias_kill_event" { agent task grace_ns }
        AcknowledgedEvent "tamias_acknowledged_event" { agent task uuid }
        OtherEvent "tamias_other_event" { json }
        Event "tamias_event" { seq ordinal kind body }
        Task "tamias_task" { name resources json }
        Accept "tamias_accept" {
            size on_invalid offers offer_count tasks task_count task_stride refuse_ns
        }
        TaskResult "tamias_task_result" { task state reason }
        ItemResult "tamias_result" { status flags }
        Acknowledgement "tamias_acknowledgement" { task uuid }
        Kill "tamias_kill" { task name grace_ns }
        Update "tamias_update" {
            task state reason source health uuid message data
        }
        AgentInfo "tamias_agent_info" { size reserved name resources attributes json }
    }
    let (size, align) = (size_of::<EventBody>(), align_of::<EventBody>());
    writeln!(text, "tamias_event_body {size} {align}").unwrap();
    text
}

#[test]
fn the_layout_is_the_one_written_down() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/abi/layout.txt");
    if std::env::var_os("TAMIAS_BLESS").is_some() {
        std::fs::write(path, layout()).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    assert_eq!(layout(), expected, "TAMIAS_BLESS=1 writes {path}: is the change a new ABI?");
    // Every transparent struct of the header is in it.
    for line in HEADER.lines() {
        let name = line.strip_prefix("typedef struct ").and_then(|rest| rest.strip_suffix(" {"));
        if let Some(name) = name {
            assert!(expected.contains(&format!("{name} ")), "{name} is not in {path}");
        }
    }
}

#[test]
fn handles_may_be_shared_between_threads() {
    const fn shareable<T: Send + Sync>() {}
    shareable::<crate::kernel::Kernel>();
    shareable::<crate::session::Session>();
    shareable::<crate::local_agent::LocalAgent>();
}
