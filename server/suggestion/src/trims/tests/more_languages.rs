//! Seven more languages, each with the closers that its editors insert, the lines below, and the
//! ends of its blocks.
//!
//! The behaviour is the same for all languages; these tests check the languages' tables.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn java_annotation_below_is_not_repeated() {
    check(
        "java",
        "class A {\n    int a = ├1;\n    @Override┤\n    @Override\n    public String toString() { return \"\"; }\n}\n",
        &expect![[r#"
            int a = ├1;┤
            [stop rules]"#]],
    );
}

#[test]
fn java_generic_constructor_is_closed_once() {
    check(
        "java",
        "List<String> a = new ArrayList<├>();┤>\n",
        &expect!["List<String> a = new ArrayList<├>();┤"],
    );
}

#[test]
fn java_catch_belongs_to_try() {
    check_lines(
        "java",
        "void f() {\n    try {├\n        g();\n    } catch (E e) {\n        h();\n    }\n    k();┤\n}\n",
        &expect![[r#"
            try {├
                    g();
                } catch (E e) {
                    h();
                }┤
            [stop rules]"#]],
    );
}

#[test]
fn java_string_brackets_do_not_count() {
    check("java", "String a = ├\"(\";┤\n", &expect![[r#"String a = ├"(";┤"#]]);
}

#[test]
fn java_call_in_call_is_closed_once() {
    check("java", "a.b(c.d(├e));┤))\n", &expect!["a.b(c.d(├e));┤"]);
}

#[test]
fn java_single_line_ends_before_brace() {
    check(
        "java",
        "void f() {\n    return ├a;\n}┤\n}\n",
        &expect![[r#"
        return ├a;┤
        [stop rules]"#]],
    );
}

#[test]
fn csharp_interpolated_string_is_closed_once() {
    check("csharp", "var a = $\"{├b}\";┤}\"\n", &expect![[r#"var a = $"{├b}";┤"#]]);
}

#[test]
fn csharp_property_is_closed_once() {
    check("csharp", "public int A {├ get; set; }┤}\n", &expect!["public int A {├ get; set; }┤"]);
}

#[test]
fn csharp_linq_lambda_is_closed_once() {
    check(
        "csharp",
        "var a = b.Where(c => ├c.D > 1).ToList();┤)\n",
        &expect!["var a = b.Where(c => ├c.D > 1).ToList();┤"],
    );
}

#[test]
fn csharp_brace_on_own_line_ends_block() {
    check_lines(
        "csharp",
        "void F()\n{\n├    G();\n}\n\nvoid H()\n{\n}┤\n}\n",
        &expect![[r#"
        ├    G();┤
        [stop rules]"#]],
    );
}

#[test]
fn csharp_using_below_is_not_repeated() {
    check(
        "csharp",
        "using ├System;\nusing System.Linq;┤\nusing System.Linq;\n",
        &expect![[r#"
        using ├System;┤
        [stop rules]"#]],
    );
}

#[test]
fn csharp_crlf_line_ends_at_line_end() {
    check(
        "csharp",
        "int a = ├1;\r\nint b = 2;┤\r\nint b = 2;\r\n",
        &expect![[r#"
        int a = ├1;┤
        [stop rules]"#]],
    );
}

#[test]
fn ruby_block_pipe_is_kept() {
    check("ruby", "a.each do |├b|┤\nend\n", &expect!["a.each do |├b|┤"]);
}

#[test]
fn ruby_interpolation_is_closed_once() {
    check("ruby", "puts \"#{├a}\"┤}\"\n", &expect![[r##"puts "#{├a}"┤"##]]);
}

#[test]
fn ruby_hash_is_closed_once() {
    check("ruby", "a = { b: ├1 }┤}\n", &expect!["a = { b: ├1 }┤"]);
}

#[test]
fn ruby_method_ends_with_end() {
    check_lines(
        "ruby",
        "class A\n  def b├\n    c\n  end\n\n  def d\n    e\n  end┤\nend\n",
        &expect![[r#"
            def b├
                c
              end┤
            [stop rules]"#]],
    );
}

#[test]
fn ruby_existing_end_is_not_repeated() {
    check_lines(
        "ruby",
        "def a\n├  b\nend┤\nend\n",
        &expect![[r#"
        ├  b┤
        [next line]"#]],
    );
}

#[test]
fn ruby_symbol_array_is_closed_once() {
    check("ruby", "a = [├:b, :c]┤]\n", &expect!["a = [├:b, :c]┤"]);
}

#[test]
fn ruby_line_below_is_not_repeated() {
    check(
        "ruby",
        "a = ├1\nputs a┤\nputs a\n",
        &expect![[r#"
        a = ├1┤
        [stop rules]"#]],
    );
}

#[test]
fn shellscript_test_is_closed_once() {
    check(
        "shellscript",
        "if [ ├-f \"$a\" ]; then┤]\nfi\n",
        &expect![[r#"if [ ├-f "$a" ]; then┤"#]],
    );
}

#[test]
fn shellscript_expansion_is_closed_once() {
    check("shellscript", "a=\"${├b}\"┤}\"\n", &expect![[r#"a="${├b}"┤"#]]);
}

#[test]
fn shellscript_substitution_is_closed_once() {
    check("shellscript", "a=$(├ls -l)┤)\n", &expect!["a=$(├ls -l)┤"]);
}

#[test]
fn shellscript_function_ends_with_brace() {
    check_lines(
        "shellscript",
        "f() {├\n    a\n}\n\ng() {\n    b\n}┤\n",
        &expect![[r#"
        f() {├
            a
        }┤
        [stop rules]"#]],
    );
}

#[test]
fn shellscript_existing_fi_is_not_repeated() {
    check_lines(
        "shellscript",
        "if a; then\n├    b\nfi┤\nfi\n",
        &expect![[r#"
        ├    b┤
        [next line]"#]],
    );
}

#[test]
fn shellscript_hash_in_word_is_not_comment() {
    check("shellscript", "a=${#├b}┤}\n", &expect!["a=${#├b}┤"]);
}

#[test]
fn shellscript_line_below_is_not_repeated() {
    check(
        "shellscript",
        "cd ├\"$a\"\nmake all┤\nmake all\n",
        &expect![[r#"
        cd ├"$a"┤
        [stop rules]"#]],
    );
}

#[test]
fn html_attribute_quote_is_closed_once() {
    check("html", "<a href=\"├x\">┤\">\n", &expect![[r#"<a href="├x">┤"#]]);
}

#[test]
fn html_tag_is_closed_once() {
    check("html", "<div├ class=\"a\">┤>\n", &expect![[r#"<div├ class="a">┤"#]]);
}

#[test]
fn html_closing_tag_below_is_not_repeated() {
    check_lines(
        "html",
        "<ul>\n├  <li>a</li>\n</ul>┤\n</ul>\n",
        &expect![[r#"
        ├  <li>a</li>┤
        [stop rules]"#]],
    );
}

#[test]
fn html_apostrophe_in_text_is_not_quote() {
    check("html", "<p>├don't</p>┤\n", &expect!["<p>├don't</p>┤"]);
}

#[test]
fn html_line_below_is_not_repeated() {
    check(
        "html",
        "<p>├a</p>\n<p>bcd</p>┤\n<p>bcd</p>\n",
        &expect![[r#"
        <p>├a</p>┤
        [stop rules]"#]],
    );
}

#[test]
fn html_comment_end_is_kept() {
    check("html", "<!-- ├a┤ -->\n", &expect!["<!-- ├a┤ -->"]);
}

#[test]
fn css_function_is_closed_once() {
    check("css", "a {\n  color: rgb(├1, 2, 3);┤)\n}\n", &expect!["color: rgb(├1, 2, 3);┤"]);
}

#[test]
fn css_rule_is_closed_once() {
    check("css", "a {├ color: red; }┤}\n", &expect!["a {├ color: red; }┤"]);
}

#[test]
fn css_declaration_below_is_not_repeated() {
    check(
        "css",
        "a {\n  color: ├red;\n  margin: 0;┤\n  margin: 0;\n}\n",
        &expect![[r#"
        color: ├red;┤
        [stop rules]"#]],
    );
}

#[test]
fn css_rule_ends_with_brace() {
    check_lines(
        "css",
        "a {├\n  color: red;\n}\n\nb {\n  color: blue;\n}┤\n",
        &expect![[r#"
        a {├
          color: red;
        }┤
        [stop rules]"#]],
    );
}

#[test]
fn css_url_is_closed_once() {
    check(
        "css",
        "a { background: url(\"├x.png\");┤\") }\n",
        &expect![[r#"a { background: url("├x.png"); }┤"#]],
    );
}

#[test]
fn yaml_flow_list_is_closed_once() {
    check("yaml", "a: [├1, 2]┤]\n", &expect!["a: [├1, 2]┤"]);
}

#[test]
fn yaml_quoted_value_is_closed_once() {
    check("yaml", "a: \"├b\"┤\"\n", &expect![[r#"a: "├b"┤"#]]);
}

#[test]
fn yaml_apostrophe_within_word_is_not_quote() {
    check("yaml", "a: ├it's here┤\n", &expect!["a: ├it's here┤"]);
}

#[test]
fn yaml_key_below_is_not_repeated() {
    check(
        "yaml",
        "name: ├a\nversion: 1┤\nversion: 1\n",
        &expect![[r#"
        name: ├a┤
        [stop rules]"#]],
    );
}

#[test]
fn yaml_list_ends_at_dedent() {
    check_lines(
        "yaml",
        "a:\n├  - b\n  - c\nd: e┤\n",
        &expect![[r#"
        ├  - b
          - c┤
        [stop rules]"#]],
    );
}

#[test]
fn yaml_single_value_ends_at_line_end() {
    check(
        "yaml",
        "a:\n  b: ├1\n  c: 2┤\n",
        &expect![[r#"
        b: ├1┤
        [stop rules]"#]],
    );
}

#[test]
fn yaml_flow_mapping_is_closed_once() {
    check("yaml", "a: {b: ├1}┤}\n", &expect!["a: {b: ├1}┤"]);
}
