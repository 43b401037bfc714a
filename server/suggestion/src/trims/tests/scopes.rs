//! Where a completion ends.

use expect_test::expect;

use super::{check, check_lines};

#[test]
fn single_line_ends_at_line_end() {
    check(
        "javascript",
        r"const a = ├1;
const b = 2;┤
",
        &expect![[r#"
    const a = ├1;┤
    [stop rules]"#]],
    );
}

#[test]
fn complete_line_has_nothing_to_add() {
    check(
        "rust",
        r"fn main() {├
    run();
}┤
",
        &expect![[r#"
    silent: stop rules
    [stop rules]"#]],
    );
}

#[test]
fn block_ends_with_brace() {
    check_lines(
        "rust",
        r"fn main() {├
    run();
}

fn other() {}┤
",
        &expect![[r#"
    fn main() {├
        run();
    }┤
    [stop rules]"#]],
    );
}

#[test]
fn existing_outer_brace_is_not_written() {
    check_lines(
        "rust",
        r"fn main() {
    ├let a = 1;
    run(a);
}

fn other() {}┤
}
",
        &expect![[r#"
    ├let a = 1;
        run(a);┤
    [stop rules]"#]],
    );
}

#[test]
fn missing_outer_brace_is_written() {
    check_lines(
        "go",
        "func f() {\n├\trun()\n}\n\nfunc g() {┤\n",
        &expect![[r#"
        ├	run()
        }┤
        [stop rules]"#]],
    );
}

#[test]
fn else_belongs_to_block() {
    check_lines(
        "java",
        r"class A {
    void f() {
        if (x) {├
            a();
        } else {
            b();
        }
        c();┤
    }
}
",
        &expect![[r#"
            if (x) {├
                        a();
                    } else {
                        b();
                    }┤
            [stop rules]"#]],
    );
}

#[test]
fn python_block_ends_at_dedent() {
    check_lines(
        "python",
        r"def f(x):├
    y = x
    return y


def g():┤
",
        &expect![[r#"
    def f(x):├
        y = x
        return y┤
    [stop rules, trailing space]"#]],
    );
}

#[test]
fn python_else_belongs_to_if() {
    check_lines(
        "python",
        r"if x:├
    a()
else:
    b()
c()┤
",
        &expect![[r#"
    if x:├
        a()
    else:
        b()┤
    [stop rules]"#]],
    );
}

#[test]
fn python_suite_ends_with_dedent() {
    check_lines(
        "python",
        r"def f():
    if x:
├        a()
        b()
    c()┤
",
        &expect![[r#"
    ├        a()
            b()┤
    [stop rules]"#]],
    );
}

#[test]
fn multi_line_call_ends_with_bracket() {
    check_lines(
        "python",
        r"x = f(├
    a,
    b,
)
y = 1┤
",
        &expect![[r#"
    x = f(├
        a,
        b,
    )┤
    [stop rules]"#]],
    );
}

#[test]
fn ruby_block_ends_with_end() {
    check_lines(
        "ruby",
        r"def a├
  foo
end

def b┤
",
        &expect![[r#"
    def a├
      foo
    end┤
    [stop rules]"#]],
    );
}

#[test]
fn yaml_mapping_ends_at_dedent() {
    check_lines(
        "yaml",
        r"on:├
  push: true
  pull: false
jobs:
  a: b┤
",
        &expect![[r#"
    on:├
      push: true
      pull: false┤
    [stop rules]"#]],
    );
}

#[test]
fn shell_loop_ends_with_done() {
    check_lines(
        "shellscript",
        r#"for f in *; do├
  echo "$f"
done
echo end┤
"#,
        &expect![[r#"
    for f in *; do├
      echo "$f"
    done┤
    [stop rules]"#]],
    );
}

#[test]
fn element_ends_with_closing_tag() {
    check_lines(
        "html",
        r"<ul>├
  <li>a</li>
</ul>
<p>┤
",
        &expect![[r#"
    <ul>├
      <li>a</li>
    </ul>┤
    [stop rules]"#]],
    );
}

#[test]
fn css_rule_ends_with_brace() {
    check_lines(
        "css",
        r".a {├
  color: red;
}

.b {┤
",
        &expect![[r#"
    .a {├
      color: red;
    }┤
    [stop rules]"#]],
    );
}

#[test]
fn paragraph_ends_at_blank_line() {
    check_lines(
        "python",
        r"import os
├import re
import sys

x = 1┤
",
        &expect![[r#"
    ├import re
    import sys┤
    [stop rules]"#]],
    );
}

#[test]
fn blank_line_inside_block_stays() {
    check_lines(
        "c",
        r"int main() {├
    int a = 1;

    return a;
}┤
",
        &expect![[r#"
    int main() {├
        int a = 1;

        return a;
    }┤"#]],
    );
}

#[test]
fn at_most_ten_lines() {
    check_lines(
        "python",
        r"xs = [├
    one,
    two,
    three,
    four,
    five,
    six,
    seven,
    eight,
    nine,
    ten,
    eleven,
]┤
",
        &expect![[r#"
    xs = [├
        one,
        two,
        three,
        four,
        five,
        six,
        seven,
        eight,
        nine,┤
    [stop rules]"#]],
    );
}

#[test]
fn rest_of_line_forbids_line_ends() {
    check_lines(
        "typescript",
        r"const x = f(├a,
  b,
  ┤c, d)
",
        &expect![[r#"
    const x = f(├a,┤c, d)
    [stop rules]"#]],
    );
}

#[test]
fn multi_line_string_does_not_end_block() {
    check_lines(
        "python",
        r#"def f():├
    s = """
at the margin
"""
    return s┤
"#,
        &expect![[r#"
    def f():├
        s = """
    at the margin
    """
        return s┤"#]],
    );
}

#[test]
fn whitespace_line_may_dedent() {
    check(
        "python",
        r"def f():
    if x:
        a()
├    return 1┤
",
        &expect!["├    return 1┤"],
    );
}
