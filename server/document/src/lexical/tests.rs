//! One case per construct of a language: the open constructs at a point, and that everything closes
//! where it should.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::{Scanner, TextKind, TokenKind};
use crate::language::Language;
use crate::{ByteOffset, Change, Document, Position, PositionEncoding, Range, fixture};
use proptest::prelude::*;

/// Scans line by line; returns the scanner and the brackets that are opened or closed once too
/// often.
fn scan(language: &str, text: &str) -> (Scanner, String) {
    let mut scanner = Scanner::new(Language::find(language).unwrap());
    let mut brackets: Vec<(char, usize)> = Vec::new();
    for line in text.split_inclusive('\n') {
        scanner.scan(line, |token| match token.kind {
            TokenKind::Open { closer } => brackets.push((closer, token.depth)),
            TokenKind::Close if brackets.last().is_some_and(|(closer, _)| *closer == token.c) => {
                brackets.pop();
            }
            TokenKind::Close => brackets.push((token.c, 0)),
            // Constructs that are open in code inside a literal end with the literal.
            TokenKind::LiteralEnd(_) | TokenKind::BrokenLiteral => {
                brackets.retain(|(_, depth)| *depth <= token.depth);
            }
            _ => {}
        });
    }
    (scanner, brackets.into_iter().map(|(closer, _)| closer).collect())
}

/// Checks that nothing is open at the end of the text.
#[track_caller]
fn whole(language: &str, text: &str) {
    let (scanner, brackets) = scan(language, &format!("{text}\n"));
    assert_eq!((scanner.depth(), brackets.as_str()), (0, ""), "{language}: {text}");
}

/// Checks the text as `whole` does, and that the kind of text at `$0` is `place`.
#[track_caller]
fn check_text_kind(language: &str, text: &str, expected: TextKind) {
    let (parsed, ByteOffset(cursor)) = fixture::parse(text);
    let before = &parsed[..cursor];
    let mut scanner = Scanner::new(Language::find(language).unwrap());
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    for line in before[..start].split_inclusive('\n') {
        scanner.scan(line, |_| {});
    }
    scanner.scan(&before[start..], |_| {});
    assert_eq!(scanner.text_kind(), expected, "{language}: {text}");
    whole(language, &parsed);
}

#[test]
fn literals_nest_in_interpolated_code() {
    for (language, text) in [
        ("shellscript", r#"cd "$(dirname "$0")" && a="${1:-"x)"}" b="`date "+%H"`""#),
        ("shellscript", r#"a="${x:-don't}" b="$(f "$(g "h")")""#),
        ("python", r#"print(f"{row["a"]} {row['b']!r:>{width}} {{not}}", rf'{x["}"]}')"#),
        ("python", "x = f\"\"\"{a(\"b\")}\n{c}\"\"\""),
        ("kotlin", r#"val a = "${row["a"]} ${f("}")}" + """${g("x")}""""#),
        ("csharp", r#"var a = $"{row["a"]} {{x}}" + $@"{row["b"]} ""q"" \" + $"{x:00}";"#),
        ("ruby", r##"a = "#{row["a"]} #{f("}")}" + `ls #{dir("x")}`"##),
        ("elixir", r##"a = "#{row["a"]}" <> ~s(#{f(")")} x)"##),
        ("swift", r##"let a = "\(row["a"]!) \(f(")"))" + #"\#(g("x")) \(no"#"##),
        ("dart", r"final a = '${row['a']}' + r'${';"),
        ("nix", r#"{ a = "${f "x"} y"; b = ''${g "z"} it's ''${no} '''' ''; }"#),
        ("javascript", "const a = `${row[`b`]} ${f(\"}\")} ${`${x}`}`;"),
        ("typescript", "const a = `${row['b']} \\${no`;"),
        ("php", r#"<?php $a = "{$row["a"]} ${b} {no"; "#),
        ("scala", r#"val a = s"${row("a")} x" + raw"""${f("}")}""" + "${no""#),
        ("groovy", r#"def a = "${row["a"]}" + '${no' + """${f("x")}""""#),
        ("terraform", r#"a = "${var.b["c"]}-%{ if x == "y" }z%{ endif }""#),
        ("powershell", r#"$a = "$($row["a"]) `"x`" $(f ')')""#),
        ("julia", r#"a = "$(row["a"]) $(f(")"))""#),
        ("fsharp", r#"let a = $"{row["a"]} {{x}}""#),
        ("crystal", r##"a = "#{row["a"]}""##),
        ("scss", "a { b: \"#{f(\"x\")}\"; }"),
    ] {
        whole(language, text);
    }
}

#[test]
fn unclosed_interpolation_ends_with_literal() {
    whole("python", "print(f\"{name\", x)");
    whole("shellscript", "cd \"$(dirname\"");
    check_text_kind("kotlin", "val a = \"${x\nval b = $01", TextKind::Code);
    // Format specifiers are not comments, and a quote in one ends with the line.
    check_text_kind("python", "a = f\"{x:#x} {y:>{z}}\" + 'b' $0", TextKind::Code);
    check_text_kind("python", "a = f\"{x:'^9}\"\nb = 'c' $0", TextKind::Code);
    check_text_kind("shellscript", "a=\"${b:-c # d}\" e='f' $0", TextKind::Code);
}

#[test]
fn here_documents_are_text() {
    for (language, text) in [
        ("shellscript", "cat <<E\nit's (\nE\na='x' $0"),
        ("shellscript", "cat <<-'E' | f \"x\"\nit's\n\tE\na='x' $0"),
        ("shellscript", "a <<A <<B\nit's\nA\nit's\nB\n$0"),
        ("shellscript", "a=$((1 << 2)); b=$((1<<N)); c <<< \"x\"\n$0"),
        ("shellscript", "x=\"$(cat <<E\nit's \"\nE\n)\" $0"),
        ("ruby", "a = <<~T\n  it's\n  T\nb = 'x' $0"),
        ("ruby", "f(<<-A, 'x')\n it's\n A\nb = [] << Item $0"),
        ("php", "<?php\n$a = <<<T\nit's\n  T;\n$b = 'x'; $0"),
        ("php", "<?php\nf(<<<'T'\nit's\nT, 'x'); $0"),
        ("perl", "print <<\"E\";\nit's\nE\nmy $a = 'x'; $0"),
        ("terraform", "a = <<-E\n  it's \"\n  E\nb = \"x\" $0"),
        ("dockerfile", "RUN <<E\necho it's\nE\nCMD [\"x\"] $0"),
        ("powershell", "$a = @'\nit's \"\n'@\n$b = 'x' $0"),
        ("elixir", "a = \"\"\"\nsay \"hi\" it's\n\"\"\"\nb = 'x' $0"),
        ("yaml", "a: |\n  it's (\n\n  \"\nb: 'x' $0"),
        ("yaml", "- run: >-\n    don't\n- b: \"x\" $0"),
    ] {
        check_text_kind(language, text, TextKind::Code);
    }
    check_text_kind("shellscript", "cat <<E\nit's $0\nE", TextKind::Literal);
    check_text_kind("php", "<?php\n$a = <<<T\nit's $0\nT;", TextKind::Literal);
    check_text_kind("yaml", "a: |\n  it's $0\nb: 1", TextKind::Literal);
}

#[test]
fn text_around_template_code_is_text() {
    check_text_kind("php", "<h1>Today's list</h1>\n<?php\n$a = 'x'; $0", TextKind::Code);
    check_text_kind(
        "php",
        "<?php if ($a): // it's ?>\n<p>Don't</p>\n<?php endif; $b = 'x'; $0",
        TextKind::Code,
    );
    whole("php", "<?php #[Attribute('x')]\n# it's\n$a = 'b';");
    check_text_kind(
        "erb",
        "<p>Don't</p>\n<% if a == 'b' %>\n<a href=\"<%= c['d'] %>\">It's</a> $0",
        TextKind::Code,
    );
    check_text_kind(
        "html",
        "<p>Don't</p>\n<script>\nconst a = 'x' < b ? `${c}` : \"$0\";\n</script>",
        TextKind::Literal,
    );
    check_text_kind(
        "vue",
        "<template><p>It's</p></template>\n<script setup>\nif (i<names.length) a = 'b' $0\n</script>",
        TextKind::Code,
    );
    whole(
        "html",
        "<style>\na::after { content: \"it's }\"; }\n</style>\n<p title=\"a > b\">it's</p>",
    );
}

#[test]
fn text_of_elements_is_text() {
    whole(
        "javascriptreact",
        "const A = ({ n }) => <p>Don't {n.f('x')} <b title=\"it's\">(</b></p>;",
    );
    whole(
        "typescriptreact",
        "function f() {\n  return (\n    <>\n      Don't <br /> {a.map((x) => <i key={x}>it's</i>)}\n    </>\n  );\n}",
    );
    whole(
        "typescriptreact",
        "const f = <T,>(x: T) => g<T>('x'); const [a] = useState<string>('b');",
    );
    whole("javascript", "if (a < b && c > d) { e('x'); } const f = x => x <y;");
    check_text_kind("javascriptreact", "const A = <p>Don't {n.$0}</p>;", TextKind::Code);
    check_text_kind(
        "javascriptreact",
        "return ( // list\n  <p>it's {'$0'}</p>\n);",
        TextKind::Literal,
    );
}

#[test]
fn regexes_are_literals_divisions_are_code() {
    for text in [
        "const a = b.replace(/'/g, \"x\");",
        "return /[/'\"]/.test(a) ? 'x' : 'y';",
        "const c = a / b + d / 'e'.length;",
        "const r = /\\/'/; f(a) / g('x') / 2;",
    ] {
        whole("javascript", text);
    }
    for text in [
        "text.gsub(/'/, '')",
        "a = b / c; d = 'x' / 2",
        "puts /'/ if a =~ /\"#{b(\"x\")}/",
        "%w[it's (] + %q{a {'} b} + %r{'}i.to_a",
        "x = a % w; y = 'z'",
    ] {
        whole("ruby", text);
    }
    for text in [
        "s = q{it's {'} x}; $a =~ s/'/x/; $s{y} = $q{'x'}; my %h = (q => 'x');",
        "@a = split /'/, $b; $n = $#a;",
    ] {
        whole("perl", text);
    }
    whole("groovy", "def a = b =~ /it's/; def c = d / e + 'x'");
    whole("elixir", "a = ~r/'/ |> f(?', ?\", 'x'); valid?(\"x\")");
}

#[test]
fn quotes_escape_as_in_each_language() {
    for (language, text) in [
        ("sql", r"INSERT INTO a VALUES ('Ann\'s', 'it''s', 'C:\', E'x\'y', 'say \'hi\'');"),
        ("sql", "CREATE FUNCTION f() AS $body$ it's ( $body$ LANGUAGE sql; SELECT 'x';"),
        ("sql", "SELECT `it's`, \"it's\" FROM a -- don't"),
        ("shellscript", r#"a=it\'s b=$'it\'s' c='\' d="\"""#),
        ("powershell", "$a = 'it''s'; $b = \"say `\"x`\"\"; f `'"),
        ("csharp", r#"var a = @"C:\" + "\"" + """it "s" x""" + '\'' + '"';"#),
        (
            "rust",
            r##"let a = r#"it's "x" \"# ; let b = br"\"; let c = b'\''; fn f<'a>(x: &'a str) {}"##,
        ),
        ("cpp", "auto a = R\"x(it's )\" ( )x\"; int b = 1'000'000; auto c = u8\"x\", d = L'x';"),
        ("lua", "a = [==[ it's ]] ]==] .. 'x' --[[ don't ]] b = \"y\""),
        ("zig", "const a =\n    \\\\it's \"\n    \\\\(\n;"),
        ("python", "r'\\'' + b\"it's\" + \"\"\"it's \"x\" \"\"\" + '''a'b''' # don't"),
        ("go", "a := `it's \\` + \"it's\" + string('\\'')"),
        ("java", "var a = \"\"\"\n  it's \"x\"\n  \"\"\" + 'c' + '\\'';"),
        ("haskell", "f' x = g' 'a' \"it's\" {- it's {- \" -} -} ++ foldl' '(' y"),
        ("ocaml", "let f' (* it's (* \" *) *) = g 'a' {|it's|}"),
        ("r", "a <- r\"(it's \"x\")\"; b <- 'y' # don't"),
        ("clojure", "(f \\\" \"it's\" [\\( 'x]) ; don't"),
        ("erlang", "f($', \"it's\") -> 'x'. % don't"),
        ("toml", "a = 'C:\\' # don't\nb = \"it's\""),
        (
            "yaml",
            "a: it's\nb: don't 'x\nc: 'it''s' # don't\nd: !Sub \"it's ${x}\"\ne: [\"a\", 'b']",
        ),
        ("csv", "a,\"it's \"\"x\"\"\",b"),
        ("makefile", "a:\n\techo it\\'s"),
        ("dart", "var a = r'\\' + '''it's \"x\"''';"),
        ("kotlin", "/* it's /* ( */ */ val a = 'x' + \"\"\"it's\"\"\""),
        ("swift", "/* it's /* ( */ */ let a = ##\"it's \"# \"##"),
        ("scss", "a { b: url(http://x.y/z); } // don't"),
        ("git-commit", "Don't show the (clock"),
    ] {
        if language == "git-commit" {
            assert_eq!(scan(language, text).0.depth(), 0);
        } else {
            whole(language, text);
        }
    }
}

#[test]
fn quote_after_word_must_close_on_its_line() {
    for language in ["php", "ruby", "elixir", "r"] {
        check_text_kind(language, "a = don't\nb = 'x' $0", TextKind::Code);
    }
    // After a surplus quote the state is wrong until the next such quote.
    check_text_kind("ruby", "a = 'it''\nb = 'desk'\nc = 'x' $0", TextKind::Code);
}

#[test]
fn comments_begin_as_in_each_language() {
    whole("ruby", "=begin\nit's (\n=end\na = 'x'; b =begin_at('y')");
    whole("perl", "=pod\n\nit's (\n\n=cut\nmy $a = 'x';");
    whole("shellscript", "a=${#b} c=d#'e' # don't");
    whole("lua", "--[==[ it's ]] ]==] a = 'x'");
    check_text_kind("php", "<?php\n/**\n * doesn't $0\n */", TextKind::Comment);
}

fn edit(from: (u32, u32), to: (u32, u32), text: &str) -> Change {
    let range = Range::new(Position::new(from.0, from.1), Position::new(to.0, to.1));
    Change::Edit { range, text: text.to_owned() }
}

/// Returns the state after scanning all lines before `line` from the start.
fn afresh(document: &Document, line: usize) -> Scanner {
    let snapshot = document.snapshot();
    let mut scanner = Scanner::new(snapshot.language());
    for idx in 0..line {
        scanner.scan(&format!("{}\n", snapshot.line(idx)), |_| {});
    }
    scanner
}

#[test]
fn distant_literal_start_is_known() {
    let text = format!("const A: &str = r#\"\n{}\"#;\nfn f() {{}}\n", "it's\n".repeat(500));
    let mut document = Document::open("file:///a.rs", "rust", 1, &text);
    assert_eq!(document.snapshot().lexical_state(400).text_kind(), TextKind::Literal);
    assert_eq!(document.snapshot().lexical_state(502).text_kind(), TextKind::Code);
    // Removing the opener turns text into code, however far below it is.
    document.change(2, &[edit((0, 16), (0, 19), "1;")], PositionEncoding::Utf16).unwrap();
    assert_eq!(document.snapshot().lexical_state(400), afresh(&document, 400));
    assert_eq!(document.snapshot().lexical_state(400).text_kind(), TextKind::Code);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn states_after_edits_match_a_full_scan(
        edits in prop::collection::vec((0u32..400, 0u32..12, 0u32..8, 0u32..12, "[a\"'`{}#$<\r\n]{0,9}"), 1..12),
        sends_all: bool,
        asked in prop::collection::vec(0usize..400, 1..4),
    ) {
        let text = "a = \"x#{b}\" # c\nd = <<~T\n  it's\nT\n\ne 'f'\n".repeat(50);
        let mut document = Document::open("file:///a.rb", "ruby", 1, &text);
        for (line, column, n_lines, end, text) in edits {
            let end = (line + n_lines, if n_lines == 0 { column + end } else { end });
            let mut change = edit((line, column), end, &text);
            if sends_all {
                let mut copy = document.clone();
                copy.change(1, &[change], PositionEncoding::Utf16).unwrap();
                change = Change::Full(copy.text());
            }
            document.change(1, &[change], PositionEncoding::Utf16).unwrap();
            // A snapshot keeps its own states while the document changes.
            let old = document.snapshot();
            for &line in &asked {
                let line = line.min(old.n_lines() - 1);
                prop_assert_eq!(old.lexical_state(line), afresh(&document, line));
            }
        }
    }

    #[test]
    fn every_character_is_visited_once(language in 0usize..60, text in "[a-c\"'`(){}<>/$#%~rqfRE|\\\\\n: \\-=]{0,80}") {
        let language = Language::all()[language % Language::all().len()];
        let mut scanner = Scanner::new(language);
        let mut end = 0;
        scanner.scan(&text, |token| {
            assert_eq!(token.at, end);
            end += token.len;
        });
        prop_assert_eq!(end, text.len());
    }
}
