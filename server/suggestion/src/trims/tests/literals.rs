//! Literals that contain code, and text that is no literal: closers come once, and quotes are
//! closed.

use super::outcome;
use crate::fixtures::Fixture;

/// Checks the resulting line, in short form.
#[track_caller]
fn shows(language: &str, fixture: &str, expected: &str) {
    let shown = outcome(&Fixture::new(language, fixture));
    let line = shown.lines().next().unwrap_or_default();
    assert_eq!(line, expected, "{language}: {fixture}\n{shown}");
}

#[test]
fn interpolated_code_is_closed_once() {
    // The model closes all brackets, and so has the editor.
    for (language, line, model, tail) in [
        ("shellscript", "cd \"$(dirname ", "\"$0\")\"", ")\""),
        ("python", "print(f\"{row[", "\"age\"]}\")", "]}\")"),
        ("kotlin", "val a = \"${row[\"name\"]}, ${row[", "\"age\"]}\"", "]}\""),
        ("csharp", "var a = $\"{row[\"size\"]}, {row[", "\"age\"]}\";", "]}\";"),
        ("ruby", "a = \"#{row[\"name\"]}, #{row[", "\"age\"]}\"", "]}\""),
        ("elixir", "a = \"#{row[\"name\"]}, #{row[", "\"age\"]}\"", "]}\""),
        ("swift", "let a = \"\\(row[\"size\"]!), \\(row[", "\"age\"]!)\"", "])\""),
        ("dart", "final a = '${row['size']}, ${row[", "'age']}';", "]}';"),
        ("nix", "  a = \"${lib.getAttr \"size\" row}, ${lib.getAttr ", "\"age\" row}\";", "}\";"),
        ("javascript", "const a = `${row[`b`]}, ${row[", "`age`]}`;", "]}`;"),
        ("typescript", "const a = `${row[\"b\"]}, ${row[", "\"age\"]}`;", "]}`;"),
        ("php", "<?php $a = \"{$row[\"b\"]}, {$row[", "\"age\"]}\";", "]}\";"),
        ("scala", "val a = s\"${row(\"b\")}, ${row(", "\"age\")}\"", ")}\""),
        ("groovy", "def a = \"${row[\"b\"]}, ${row[", "\"age\"]}\"", "]}\""),
        ("terraform", "a = \"${row[\"b\"]}, ${row[", "\"age\"]}\"", "]}\""),
        ("powershell", "$a = \"$($row[\"b\"]), $($row[", "\"age\"])\"", "])\""),
        ("julia", "a = \"$(row[\"b\"]), $(row[", "\"age\"])\"", "])\""),
        ("fsharp", "let a = $\"{row[\"b\"]}, {row[", "\"age\"]}\"", "]}\""),
        ("crystal", "a = \"#{row[\"b\"]}, #{row[", "\"age\"]}\"", "]}\""),
    ] {
        let before = line.trim_start();
        let whole = if language == "swift" { "\"age\"]!)\"" } else { model };
        shows(language, &format!("{line}├{model}┤{tail}\n"), &format!("{before}├{whole}┤"));
        // The model leaves the outer closers to those of the editor.
        let inner = model.trim_end_matches(['"', '\'', '`', ';', '}', ')', ']']);
        let quote = model.chars().next().unwrap_or_default();
        if !matches!(language, "swift" | "nix" | "shellscript") {
            let model = format!("{inner}{quote}");
            shows(
                language,
                &format!("{line}├{model}┤{tail}\n"),
                &format!("{before}├{model}{tail}┤"),
            );
        }
    }
}

#[test]
fn interpolation_before_literal_text() {
    shows("python", "a = f\"{row[├\"b\"]}┤} and more\"\n", "a = f\"{row[├\"b\"]┤} and more\"");
    shows("kotlin", "val a = \"${├b}┤ and more\"\n", "val a = \"${├b}┤ and more\"");
    shows("ruby", "a = \"#{├b}\"┤}, #{c}\"\n", "a = \"#{├b┤}, #{c}\"");
}

#[test]
fn apostrophe_above_does_not_open_quote() {
    for (language, above, line, model) in [
        ("shellscript", "cat <<E\nit's\nE\na='x'\n", "c=", "'z'"),
        ("shellscript", "cat <<-'E'\n\tdon't\n\tE\n", "third=$(awk ", "'{print $3}' list.txt)"),
        ("ruby", "a = <<~T\n  it's\nT\n", "c = ", "'z'"),
        ("ruby", "text.gsub(/'/, '')\n", "c = ", "'z'"),
        ("php", "<?php\n$b = <<<T\nWe couldn't.\nT;\n", "$c = ", "'z';"),
        ("php", "<h1>It's open</h1>\n<p>Don't</p>\n<?php\n", "$c = ", "'z';"),
        ("perl", "print <<E;\nit's\nE\n", "my $c = ", "'z';"),
        ("perl", "$a =~ s{'}{x};\n", "my $c = ", "'z';"),
        ("javascript", "a = b.replace(/'/g, c);\n", "const d = ", "'z';"),
        ("sql", "INSERT INTO a VALUES ('Ann\\'s');\n", "INSERT INTO a VALUES (", "'z');"),
        ("yaml", "a: |\n  it's\nb: don't\n", "c: ", "'z'"),
        ("elixir", "a = ~r/'/\n", "c = ", "'z'"),
        ("lua", "a = [==[ it's ]==]\n", "c = ", "'z'"),
        ("vue", "<p>Don't</p>\n<script>\n", "const a = ", "'z'"),
        ("terraform", "a = <<E\nsay \"it\nE\n", "c = ", "\"z\""),
        ("groovy", "a = ~/it's/\n", "c = ", "'z'"),
        ("zig", "const a =\n    \\\\say \"it\n;\n", "const c = ", "\"z\";"),
        ("cpp", "auto a = R\"x(say \"it)\" )x\";\n", "auto c = ", "\"z\";"),
        ("csharp", "var a = @\"C:\\\";\n", "var c = ", "\"z\";"),
    ] {
        shows(language, &format!("{above}{line}├{model}┤\n"), &format!("{line}├{model}┤"));
    }
}

#[test]
fn literal_from_far_above_is_known() {
    let lines = "text\n".repeat(30);
    for (language, opener, closer, line, model) in [
        ("rust", "const A: &str = r#\"\n", "\"#;\n", "    print", "ln!(\"{}\", A);"),
        ("php", "<?php\n/**\n * doesn't\n", " */\n", "$a = ", "'x';"),
        ("shellscript", "usage=\"Usage:\n", "\"\n", "mode=", "\"normal\""),
        ("python", "\"\"\"It's\n", "\"\"\"\n", "a = ", "'x'"),
        ("javascript", "const a = `it's\n", "`;\n", "const b = ", "'x';"),
        ("go", "var a = `say \"it\n", "`\n", "var b = ", "\"x\""),
        ("lua", "--[[ it's\n", "]]\n", "b = ", "'x'"),
        ("c", "/* it's\n", "*/\n", "char *b = ", "\"x\";"),
        ("ruby", "a = <<~T\nit's\n", "T\n", "b = ", "'x'"),
        ("html", "<!-- it's\n", "-->\n", "<a b=", "\"x\">"),
        ("haskell", "{- say \"it\n", "-}\n", "b = ", "\"x\""),
        ("sql", "/* it's\n", "*/\n", "SELECT ", "'x';"),
    ] {
        let fixture = format!("{opener}{lines}{closer}{line}├{model}┤\n");
        let before = line.trim_start();
        shows(language, &fixture, &format!("{before}├{model}┤"));
        // The rules also know that the literal is still open: a quote in it is text.
        if language != "shellscript" && language != "html" {
            let fixture = format!("{opener}{lines}so it├'s ┤\n{closer}");
            shows(language, &fixture, "so it├'s┤");
        }
    }
}

#[test]
fn element_text_is_not_code() {
    for language in ["javascriptreact", "typescriptreact"] {
        shows(
            language,
            "const A = ({ n }) => <p>Don't {n.├toString()}</p>;┤}</p>;\n",
            "const A = ({ n }) => <p>Don't {n.├toString()┤}</p>;",
        );
    }
}
