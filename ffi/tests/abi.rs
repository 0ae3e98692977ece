//! The binary interface as a C compiler and the linker see it: symbols, SONAME, layout, and a
//! header that is clean in strict C99 and in C++11.

mod common;

use std::fmt::Write as _;
use std::process::Command;

use common::{C99, abi_version, compiler, cxx_compiler, library_folder, root, run, stdout};

#[test]
fn the_library_defines_the_listed_symbols_and_no_others() {
    let library = library_folder().join("libtamias.so");
    let output = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let mut symbols: Vec<_> =
        stdout(&output).lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    symbols.sort_unstable();
    assert!(symbols.iter().all(|symbol| symbol.starts_with("tamias_")), "{symbols:?}");
    let path = root().join("tests/abi/symbols.txt");
    if std::env::var_os("TAMIAS_BLESS").is_some() {
        std::fs::write(&path, symbols.join("\n") + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    let expected: Vec<_> = expected.lines().collect();
    assert_eq!(symbols, expected, "TAMIAS_BLESS=1 writes {}", path.display());
}

#[test]
fn the_soname_carries_the_abi_version() {
    let library = library_folder().join("libtamias.so");
    let output = run(Command::new("readelf").arg("-d").arg(library));
    let soname = format!("soname: [libtamias.so.{}]", abi_version());
    assert!(stdout(&output).contains(&soname), "{}", stdout(&output));
}

/// Compiles a text with the header's folder in the path.
fn compile(compiler: &str, arguments: &[&str], suffix: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join(format!("source.{suffix}"));
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new(compiler);
    command.args(arguments).arg("-I").arg(root().join("include")).arg("-c").arg(source);
    run(command.arg("-o").arg(folder.path().join("object")));
}

#[test]
fn the_header_is_clean_in_every_language_version() {
    // Twice: the guards hold. Alone: it includes what it needs.
    let text = "#include \"tamias.h\"\n#include \"tamias.h\"\n\
                int main(void) { tamias_error e = TAMIAS_ERROR_INIT; return e.code; }\n";
    let warnings = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"];
    for standard in ["-std=c99", "-std=c11", "-std=c17"] {
        compile(&compiler(), &[&[standard][..], &warnings].concat(), "c", text);
    }
    for standard in ["-std=c++11", "-std=c++20"] {
        compile(&cxx_compiler(), &[&[standard][..], &warnings].concat(), "cpp", text);
    }
}

#[test]
fn every_initial_value_covers_its_struct() {
    let header = std::fs::read_to_string(root().join("include/tamias.h")).unwrap();
    let mut text = String::from("#include \"tamias.h\"\n");
    let macros = header.lines().filter_map(|line| line.strip_prefix("#define TAMIAS_"));
    let names = macros.filter_map(|line| line.split_once("_INIT")).map(|(name, _)| name);
    let mut count = 0;
    for name in names {
        let name = name.to_lowercase();
        let upper = name.to_uppercase();
        writeln!(text, "extern tamias_{name} a_{name};").unwrap();
        writeln!(text, "tamias_{name} a_{name} = TAMIAS_{upper}_INIT;").unwrap();
        count += 1;
    }
    assert_eq!(count, 11, "{text}");
    // -Wextra holds a missing field against us.
    compile(&compiler(), C99, "c", &text);
    let warnings = ["-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror"];
    compile(&cxx_compiler(), &warnings, "cpp", &text);
}

#[test]
fn the_compiler_lays_structs_out_as_written_down() {
    let layout = std::fs::read_to_string(root().join("tests/abi/layout.txt")).unwrap();
    let mut text = String::from("#include \"tamias.h\"\n");
    let mut check = |condition: String, number: usize| {
        writeln!(text, "typedef char check_{number}[({condition}) ? 1 : -1];").unwrap();
    };
    for (number, line) in layout.lines().enumerate() {
        let words: Vec<_> = line.split(' ').collect();
        let [name, first, second] = words[..] else { panic!("{line}") };
        match name.split_once('.') {
            Some((name, field)) => check(
                format!(
                    "offsetof({name}, {field}) == {first} && \
                     sizeof((({name} *)0)->{field}) == {second}"
                ),
                number,
            ),
            None => check(
                format!(
                    "sizeof({name}) == {first} && \
                     offsetof(struct {{ char c; {name} v; }}, v) == {second}"
                ),
                number,
            ),
        }
    }
    assert!(layout.lines().count() > 100);
    compile(&compiler(), C99, "c", &text);
}

#[test]
fn the_static_library_links_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let mut command = Command::new(compiler());
    command.args(C99).arg("-I").arg(root().join("include"));
    command.arg(root().join("ffi/examples/first_light.c")).arg("-o").arg(&program);
    command.arg(library_folder().join("libtamias.a")).args(["-lpthread", "-ldl", "-lm"]);
    run(&mut command);
    assert!(stdout(&run(&mut Command::new(program))).contains("\nhash "));
}
