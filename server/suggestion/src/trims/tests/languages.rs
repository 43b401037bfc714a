//! Seven languages, each with the closers that its editors insert, the lines below, and the ends of
//! its blocks.
//!
//! The behaviour is the same for all languages; these tests check the languages' tables.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn rust_macro_closers_come_once() {
    check("rust", "    println!(\"{}\", ├x);┤)\n", &expect![[r#"println!("{}", ├x);┤"#]]);
}

#[test]
fn rust_generic_is_closed_once() {
    check("rust", "let v: Vec<├u8> = vec![];┤>\n", &expect!["let v: Vec<├u8> = vec![];┤"]);
}

#[test]
fn rust_match_arm_ends_at_comma() {
    check(
        "rust",
        "match a {\n    Some(b) => ├b,\n    None => 0,┤\n    None => 0,\n}\n",
        &expect![[r#"
            Some(b) => ├b,┤
            [stop rules]"#]],
    );
}

#[test]
fn rust_method_ends_with_brace() {
    check_lines(
        "rust",
        "impl A {\n    fn f(&self) {├\n        self.g();\n    }\n\n    fn h(&self) {}┤\n}\n",
        &expect![[r#"
            fn f(&self) {├
                    self.g();
                }┤
            [stop rules]"#]],
    );
}

#[test]
fn python_dict_is_closed_once() {
    check("python", "x = {\"a\": ├1}┤}\n", &expect![[r#"x = {"a": ├1}┤"#]]);
}

#[test]
fn python_f_string_is_closed_once() {
    check("python", "print(f\"{├name}\")┤}\")\n", &expect![[r#"print(f"{├name}")┤"#]]);
}

#[test]
fn python_decorator_line_below_is_not_repeated() {
    check(
        "python",
        "def a():\n    ├return 1\n@b┤\n\n@b\ndef c():\n    pass\n",
        &expect![[r#"
        ├return 1┤
        [stop rules]"#]],
    );
}

#[test]
fn python_suite_of_three_columns_dedents() {
    check_lines(
        "python",
        "def a():\n   if b:\n      c()\n├   return d┤\n\ne()\n",
        &expect!["├   return d┤"],
    );
}

#[test]
fn typescript_type_argument_is_closed_once() {
    check(
        "typescript",
        "const m = new Map<├string, number>();┤>\n",
        &expect!["const m = new Map<├string, number>();┤"],
    );
}

#[test]
fn typescript_template_literal_is_closed_once() {
    check("typescript", "const s = `a ${├b}`;┤}`\n", &expect!["const s = `a ${├b}`;┤"]);
}

#[test]
fn typescript_arrow_block_argument_ends_once() {
    check_lines(
        "typescript",
        "a.map((b) => {├\n  return b + 1;\n});\nc();┤\n",
        &expect![[r#"
        a.map((b) => {├
          return b + 1;
        });┤
        [stop rules]"#]],
    );
}

#[test]
fn typescript_next_member_is_not_repeated() {
    check(
        "typescript",
        "interface A {\n  b: ├string;\n  c: number;┤\n  c: number;\n}\n",
        &expect![[r#"
            b: ├string;┤
            [stop rules]"#]],
    );
}

#[test]
fn javascript_callback_closers_come_once() {
    check("javascript", "it('a', () => {├ b(); });┤})\n", &expect!["it('a', () => {├ b(); });┤"]);
}

#[test]
fn javascript_object_literal_is_closed_once() {
    check("javascript", "const a = { b: ├1 };┤}\n", &expect!["const a = { b: ├1 };┤"]);
}

#[test]
fn javascript_single_quote_is_closed_once() {
    check("javascript", "require('├fs');┤')\n", &expect!["require('├fs');┤"]);
}

#[test]
fn javascript_apostrophe_in_comment_is_not_quote() {
    check("javascript", "// don't\nconst a = ├'b';┤\n", &expect!["const a = ├'b';┤"]);
}

#[test]
fn go_composite_literal_is_closed_once() {
    check("go", "x := []string{├\"a\", \"b\"}┤}\n", &expect![[r#"x := []string{├"a", "b"}┤"#]]);
}

#[test]
fn go_if_err_block_ends_with_brace() {
    check_lines(
        "go",
        "func a() error {\n\tif err != nil {├\n\t\treturn err\n\t}\n\treturn nil\n}┤\n\treturn nil\n}\n",
        &expect![[r#"
            if err != nil {├
            		return err
            	}┤
            [stop rules]"#]],
    );
}

#[test]
fn go_tab_indented_line_below_is_not_repeated() {
    check(
        "go",
        "func a() {\n\t├b()\n\tc()┤\n\tc()\n}\n",
        &expect![[r#"
        ├b()┤
        [stop rules]"#]],
    );
}

#[test]
fn go_rune_is_closed_once() {
    check("go", "x := '├a'┤'\n", &expect!["x := '├a'┤"]);
}

#[test]
fn c_header_quote_is_closed_once() {
    check("c", "#include \"├a.h\"┤\"\n", &expect![[r##"#include "├a.h"┤"##]]);
}

#[test]
fn c_condition_is_closed_once() {
    check("c", "int f() {\n    if (├a == b) {┤)\n}\n", &expect!["if (├a == b) {┤"]);
}

#[test]
fn c_for_head_keeps_semicolons() {
    check(
        "c",
        "void f() {\n    for (├int i = 0; i < n; i++)┤)\n}\n",
        &expect!["for (├int i = 0; i < n; i++)┤"],
    );
}

#[test]
fn c_array_is_closed_once() {
    check("c", "int a[] = {├1, 2};┤}\n", &expect!["int a[] = {├1, 2};┤"]);
}

#[test]
fn c_function_ends_with_brace() {
    check_lines(
        "c",
        "int f() {├\n    return 1;\n}\n\nint g() {\n    return 2;\n}┤\n",
        &expect![[r#"
            int f() {├
                return 1;
            }┤
            [stop rules]"#]],
    );
}

#[test]
fn cpp_template_argument_is_closed_once() {
    check("cpp", "std::vector<├int> a;┤>\n", &expect!["std::vector<├int> a;┤"]);
}

#[test]
fn cpp_scope_operator_is_not_label() {
    check(
        "cpp",
        "int f() {\n    return ├std::max(a, b);┤\n}\n",
        &expect!["return ├std::max(a, b);┤"],
    );
}

#[test]
fn cpp_stream_line_ends_at_semicolon() {
    check(
        "cpp",
        "int main() {\n    std::cout << ├a << std::endl;\n    return 0;┤\n    return 0;\n}\n",
        &expect![[r#"
            std::cout << ├a << std::endl;┤
            [stop rules]"#]],
    );
}

#[test]
fn cpp_lambda_closers_come_once() {
    check(
        "cpp",
        "std::sort(a.begin(), a.end(), [](int b, int c) {├ return b < c; });┤})\n",
        &expect!["std::sort(a.begin(), a.end(), [](int b, int c) {├ return b < c; });┤"],
    );
}

#[test]
fn cpp_class_ends_after_method() {
    check_lines(
        "cpp",
        "class A {\n    void f() {├\n        g();\n    }\n};\n\nclass B {};┤\n};\n",
        &expect![[r#"
            void f() {├
                    g();
                }┤
            [stop rules]"#]],
    );
}

#[test]
fn cpp_index_is_closed_once() {
    check("cpp", "int x = a[├i];┤]\n", &expect!["int x = a[├i];┤"]);
}

#[test]
fn cpp_raw_string_may_hold_brackets() {
    check("cpp", "auto s = ├R\"(a)b)\";┤\n", &expect![[r#"auto s = ├R"(a)b)";┤"#]]);
}
