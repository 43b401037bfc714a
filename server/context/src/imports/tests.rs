//! Every syntax of imports, and any text.

use lowkey_document::Language;
use proptest::prelude::*;

use super::imports;

/// Writes imports as `a/b: C, D`, one per line.
fn written(language: &str, text: &str) -> String {
    let found = imports(text, Language::by_id(language));
    let lines = found.iter().map(|import| {
        let names = import.names.join(", ");
        format!("{}: {names}", import.module.join("/")).trim_end_matches([' ', ':']).to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn rust() {
    let text = "//! Docs.\n\nuse std::fmt;\npub(crate) use crate::store::{self, pull::{Pull, Event as E}, *};\n\
                use super::\n    answer::Answer;\nmod a;\nfn use_it() {}\n";
    let expected = "std: fmt\nstore\nstore/pull: Pull\nstore/pull: Event\nstore\nanswer: Answer";
    assert_eq!(written("rust", text), expected);
}

#[test]
fn python() {
    let text = "import os, a.b as ab\nfrom ..x.y import (\n    One,\n    two as three,  # four\n)\n\
                from . import mod\nfrom z import *\nfrom q import v, w # x\nimporter = 1\n";
    let expected = "os\na/b\nx/y: One, two\nmod\nz\nq: v, w";
    assert_eq!(written("python", text), expected);
}

#[test]
fn typescript() {
    let text = "import React, { useState as s, type Props } from 'react';\nimport * as ns from \"../lib/api.js\";\n\
                import './side';\nexport { a } from '@/b/c';\nexport function from() { return 'x'; }\n\
                const { d, e: f } = require('./g');\nconst h = require('./i');\nimport {\n  j,\n  k,\n} from './l';\n";
    let expected = "react: React, useState, Props\nlib/api\nside\nb/c: a\ng: d, e\ni\nl: j, k";
    assert_eq!(written("typescript", text), expected);
}

#[test]
fn go() {
    let text = "package p\n\nimport \"fmt\"\n\nimport (\n\t\"example.com/m/store\"\n\tx \"example.com/m/a/b\"\n)\n\
                var s = \"not/one\"\n";
    assert_eq!(written("go", text), "fmt\nm/store\nm/a/b");
}

#[test]
fn by_dots() {
    let java = "package a;\nimport a.b.C;\nimport static a.b.D.run;\nimport a.e.*;\n";
    assert_eq!(written("java", java), "a/b: C\na/b/D: run\na/e");
    assert_eq!(written("kotlin", "import a.b.c as d\n"), "a/b: c");
    let csharp =
        "using A.B;\nusing static A.C;\nusing X = A.D;\nusing (var f = g()) {}\nusing var h = i;\n";
    assert_eq!(written("csharp", csharp), "A/B\nA/C\nA/D");
}

#[test]
fn by_files() {
    let c = "#include <stdio.h>\n#include \"a/b.h\"\n# include \"c.hpp\"\n";
    assert_eq!(written("c", c), "a/b\nc");
    let ruby = "require 'json'\nrequire_relative \"../a/b\"\nrequired = 1\n";
    assert_eq!(written("ruby", ruby), "json\na/b");
    assert_eq!(written("lua", "local m = require(\"a.b\")\nrequire 'c'\n"), "a/b\nc");
    let php = "<?php\nuse A\\B\\{C, D as E};\nuse function A\\f;\n";
    assert_eq!(written("php", php), "A/B: C\nA/B: D\nA: f");
}

#[test]
fn other_languages_have_none() {
    assert_eq!(written("markdown", "import a\nuse b;\n"), "");
}

proptest! {
    #[test]
    fn any_text_is_read(
        language in prop::sample::select(Language::all().to_vec()),
        text in "(use |import |from |require|#include |\\{|\\}|\\(|\\)|;|::|\\.|'|\"|a|ü|,|\n| as )*",
    ) {
        for import in imports(&text, language) {
            prop_assert!(!import.module.is_empty() || !import.names.is_empty());
        }
    }
}
