//! Templates compared with the output of Python's `transformers`, and malicious templates.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use serde_json::Value as Json;

const BOS_EOS: BosEos<'_> = BosEos { bos: "<s>", eos: "</s>" };

/// The templates of `fixtures/chat`.
const TEMPLATES: &[(&str, &str)] = &[
    ("chatml", include_str!("../../fixtures/chat/chatml.jinja")),
    ("gemma", include_str!("../../fixtures/chat/gemma.jinja")),
    ("instruction", include_str!("../../fixtures/chat/instruction.jinja")),
    ("llama3", include_str!("../../fixtures/chat/llama3.jinja")),
    ("llama3_dated", include_str!("../../fixtures/chat/llama3_dated.jinja")),
    ("mistral", include_str!("../../fixtures/chat/mistral.jinja")),
    ("mistral_with_system", include_str!("../../fixtures/chat/mistral_with_system.jinja")),
    ("phi3", include_str!("../../fixtures/chat/phi3.jinja")),
    ("phi3_without_system", include_str!("../../fixtures/chat/phi3_without_system.jinja")),
    ("python_methods", include_str!("../../fixtures/chat/python_methods.jinja")),
    ("thinking", include_str!("../../fixtures/chat/thinking.jinja")),
];

fn refusal(template: &str) -> ChatTemplateError {
    let secret = "sEcReT";
    let error = render(template, &[(Role::User, secret)], BOS_EOS).unwrap_err();
    let said = error.to_string();
    assert!(said.len() < 300, "{said}");
    assert!(!said.contains(secret) || template.contains("content"), "{said}");
    error
}

#[test]
fn templates_give_what_transformers_gives() {
    let json: Json =
        serde_json::from_str(include_str!("../../fixtures/chat/expected.json")).unwrap();
    let of_file = json["expected"].as_object().unwrap();
    assert_eq!(of_file.len(), TEMPLATES.len());
    for (name, template) in TEMPLATES {
        let template = template.strip_suffix('\n').unwrap();
        for (which, expected) in of_file[*name].as_object().unwrap() {
            let messages: Vec<(Role, &str)> = json["conversations"][which]
                .as_array()
                .unwrap()
                .iter()
                .map(|message| {
                    let role = if message["role"] == "system" { Role::System } else { Role::User };
                    (role, message["content"].as_str().unwrap())
                })
                .collect();
            let rendered = render(template, &messages, BOS_EOS).ok();
            assert_eq!(rendered.as_deref(), expected.as_str(), "{name}, {which}");
        }
    }
}

#[test]
fn raised_exception_is_reported() {
    let said = refusal("a\n{{ raise_exception('only poems here') }}").to_string();
    assert!(said.contains("only poems here") && said.contains("line 2"), "{said}");
}

#[test]
fn broken_templates_name_the_line() {
    for template in [
        "\n{% if %}",
        "\n{{ messages[0]['content' }}",
        "\n{% for m in messages %}",
        "\n{{ messages | no_such_filter }}",
        "\n{{ no_such_function() }}",
        "\n{% include 'etc/passwd' %}",
        "\n{% import 'os' as os %}",
        "\n{{ messages.no.such }}",
        "\n{{ 1 / 'x' }}",
    ] {
        assert!(matches!(refusal(template), ChatTemplateError::Broken { .. }), "{template}");
    }
}

#[test]
fn malicious_templates_are_errors() {
    let mut templates = vec![
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] | join(ns.x) %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(18) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(18) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | tojson }}".to_owned(),
        "{{ 'x' * 90000000 }}".to_owned(),
        "{{ 'x'.center(90000000) }}".to_owned(),
        "{{ '%90000000d' | format(1) }}{{ 'x' | indent(90000000) }}".to_owned(),
        "{% set x %}{{ 'y' * 60000 }}{% endset %}{% for i in range(9999) %}{{ x }}{% endfor %}".to_owned(),
        "x".repeat(MAX_TEMPLATE_BYTES + 1),
    ];
    for depth in [200, 20_000] {
        templates.push(format!(
            "{}1{}",
            "{{ ".to_owned() + &"(".repeat(depth),
            ")".repeat(depth) + " }}"
        ));
        templates.push(format!("{}{}", "{% if true %}".repeat(depth), "{% endif %}".repeat(depth)));
    }
    for template in &templates {
        let error = refusal(template);
        let shown: String = template.chars().take(60).collect();
        let is_too_long = matches!(error, ChatTemplateError::TooLong { .. });
        assert_eq!(is_too_long, template.len() > MAX_TEMPLATE_BYTES, "{shown}");
    }
}

#[test]
fn what_costs_no_fuel_is_given_up_in_time() {
    let template = "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}";
    let error = render_within(Duration::from_millis(50), template, &[], BOS_EOS).unwrap_err();
    assert!(matches!(error, ChatTemplateError::Endless { .. }));
}

#[test]
fn deepest_value_fits_the_stack() {
    for use_of_it in ["", "{{ ns.x | tojson }}", "{{ ns.x }}", "{{ ns.x == [ns.x] }}"] {
        let template = format!(
            "{{% set ns = namespace(x=[]) %}}{{% for i in range(99999) %}}{{% set ns.x = [ns.x] %}}{{% endfor %}}{use_of_it}"
        );
        assert!(matches!(refusal(&template), ChatTemplateError::Endless { .. }));
        // The deepest nesting that does not fail by itself.
        let template = template.replace("99999", "9000");
        let _ = render(&template, &[], BOS_EOS);
    }
}

#[test]
fn date_is_fixed() {
    let rendered = render("{{ strftime_now('%Y-%m-%d, %B') }}", &[], BOS_EOS);
    assert_eq!(rendered.unwrap(), "2024-07-26, July");
}
