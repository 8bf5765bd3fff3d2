//! Every text yields a tree: no panic, no endless loop, no stack overflow, whatever the text.

use proptest::prelude::*;
use std::path::Path;
use std::time::{Duration, Instant};
use syntax::{FileId, Source, diagnostic, dump, parse, parse_epp};

/// Parses a text as manifest and as template, and does with the result what a user would.
fn exercise(text: &str) {
    let source = Source::new(FileId(1), "any.pp", text);
    let (program, mut found) = parse(text, FileId(1));
    let _ = dump::program(&program);
    let (template, more) = parse_epp(text, FileId(1));
    let _ = dump::template(&template);
    found.extend(more);
    for finding in found.iter().take(3) {
        assert!(finding.one_line(&source).contains(&finding.message));
        let _ = diagnostic::pretty(finding, &source);
    }
    for finding in &found {
        if let Some(span) = finding.span {
            assert!(span.start as usize <= text.len() && span.start <= span.end, "{finding:?} in {text:?}");
        }
    }
}

fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/syntax");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("corpus").map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect()
}

/// What source text is made of, so that random text gets past the first token.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "class ",
            "define ",
            "node ",
            "function ",
            "type ",
            "if ",
            "else ",
            "elsif ",
            "unless ",
            "case ",
            "default",
            "inherits ",
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "<|",
            "|>",
            "<<|",
            "|>>",
            "|",
            "=>",
            "+>",
            "->",
            "~>",
            "=",
            "==",
            "=~",
            "+",
            "-",
            "*",
            "/",
            "%",
            "!",
            "?",
            ":",
            ";",
            ",",
            ".",
            "@",
            "@@",
            "@(",
            "@(E)",
            "@(\"E\"/)",
            "\n",
            " ",
            "E\n",
            "| E\n",
            "\"",
            "'",
            "${",
            "$",
            "$x",
            "foo",
            "Foo",
            "::",
            "1",
            "0x",
            "1.5",
            "\\",
            "#",
            "/*",
            "*/",
            "<%",
            "%>",
            "<%=",
            "-%>",
            "<%#",
            "ä",
            "\u{feff}",
            "\r\n",
            "\u{a0}",
            "😀",
            "\0",
        ])
        .prop_map(String::from),
        ".{0,6}".prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in ".{0,200}") {
        exercise(&text);
    }

    #[test]
    fn text_like_source(pieces in prop::collection::vec(piece(), 0..80)) {
        exercise(&pieces.concat());
    }

    #[test]
    fn mutated_corpus(which in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(),
                      length in 0usize..12, insert in prop::collection::vec(piece(), 0..4)) {
        let files = corpus();
        let mut text: Vec<char> = which.get(&files).chars().collect();
        let from = from.index(text.len() + 1);
        let to = (from + length).min(text.len());
        text.splice(from..to, insert.concat().chars());
        exercise(&text.into_iter().collect::<String>());
    }
}

#[test]
fn every_prefix_of_the_corpus() {
    for text in corpus() {
        for (at, _) in text.char_indices() {
            let (_, found) = parse(&text[..at], FileId(0));
            drop(found);
            parse_epp(&text[..at], FileId(0));
        }
    }
}

/// Each is refused with a diagnostic or parsed, within a thread's default stack.
#[test]
fn deep_and_long_texts() {
    let many = 20_000;
    let texts = [
        "(".repeat(many),
        "[".repeat(many),
        "{".repeat(many),
        "$x = [".repeat(many),
        "!".repeat(many),
        "- ".repeat(many),
        "@".repeat(many),
        "if 1 {".repeat(many),
        "class a {".repeat(many),
        "case 1 { 1: {".repeat(many),
        "foo(".repeat(many),
        "foo() |$x| {".repeat(many),
        "\"${".repeat(many),
        "${\"".repeat(many),
        "1 ? 1 => ".repeat(many),
        "$a = ".repeat(many),
        "a { b: c => ".repeat(many),
        format!("$x = 1{}", " + 1".repeat(many)),
        format!("$x = 1{}", " and 1".repeat(many)),
        format!("$x{}", "[1]".repeat(many)),
        format!("$x{}", ".a".repeat(many)),
        format!("$x{}", "(1)".repeat(many)),
        format!("File['a']{}", " -> File['a']".repeat(many)),
        format!("a{}", " { a: }".repeat(many)),
        format!("if 1 {{ }}{}", " elsif 1 { }".repeat(many)),
        format!("$x = 1{}", " ? { 1 => 2 }".repeat(many)),
        format!("File{}", " <| |>".repeat(many)),
        "@(A:pp)\n".repeat(many),
        format!("{}{}", "@(A)".repeat(many), "\n| A".repeat(many)),
        format!("$x = {}", "9".repeat(2_000)),
        "1 ".repeat(many),
        "} ".repeat(many),
        ") ".repeat(many),
        "$x = \n".repeat(many),
        "type A = B[".repeat(many),
        "<%= {".repeat(many),
        "'".repeat(many),
        "\"".repeat(many),
        "/*".repeat(many),
        "a-".repeat(many),
    ];
    for text in texts {
        let started = Instant::now();
        exercise(&text);
        let shown: String = text.chars().take(20).collect();
        assert!(started.elapsed() < Duration::from_secs(10), "{shown} took {:?}", started.elapsed());
    }
}

#[test]
fn nesting_beyond_the_limit_is_said() {
    let (_, found) = parse(&"(".repeat(5_000), FileId(0));
    assert!(found[0].message.contains("nested too deep"), "{found:?}");
    let (_, found) = parse(&format!("$x = 1{}", " + 1".repeat(5_000)), FileId(0));
    assert!(found[0].message.contains("too long"), "{found:?}");
}

#[test]
fn usual_nesting_is_no_problem() {
    let hashes = format!("$x = {}1{}", "{a => ".repeat(40), "}".repeat(40));
    let blocks = format!("class a {{ {} notice(1) {} }}", "if $x { ".repeat(40), "}".repeat(40));
    let chain = format!("$x = ''{}", " + 'a'".repeat(500));
    let strings = format!("$x = {}1{}", "\"${[".repeat(30), "]}\"".repeat(30));
    for text in [hashes, blocks, chain, strings] {
        let (_, found) = parse(&text, FileId(0));
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn several_errors_are_found_in_one_run() {
    let text = "class a {\n  file { '/x' ensure => file }\n  notice(1)\n}\nclass b {\n  $x = = 1\n  \
                file { '/y': mode = 1 }\n}\nnode c { notice( }\nclass d { }\n";
    let source = Source::new(FileId(0), "", text);
    let (program, found) = parse(text, FileId(0));
    let places: Vec<String> = found.iter().map(|d| d.one_line(&source)).collect();
    assert_eq!(places[0], "Syntax error at 'ensure' (line: 2, column: 15)");
    assert!(places.iter().any(|place| place.contains("line: 6, column: 8")), "{places:?}");
    assert!(places.iter().any(|place| place.contains("line: 7, column: 21")), "{places:?}");
    assert!(places.iter().any(|place| place.contains("line: 9, column: 18")), "{places:?}");
    assert!(program.definitions.iter().any(|definition| definition.name() == Some("d")), "{:?}", places);
}

#[test]
fn large_files_are_parsed_in_good_time() {
    let unit = "class foo::bar($x = 1) {\n  file { \"/tmp/${x}\":\n    ensure => file,\n    mode => '0644',\n  }\n}\n";
    let text = unit.repeat(5_000);
    let started = Instant::now();
    let (program, found) = parse(&text, FileId(0));
    assert!(found.is_empty());
    assert_eq!(program.definitions.len(), 5_000);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    eprintln!("{} bytes in {:?}", text.len(), started.elapsed());
}
