//! Languages whose blocks end with a bracket: the C, JavaScript and ML-with-braces families.
//!
//! Facts only; what the fields mean is said in `language.rs`.

use super::{
    C_LIKE, CHARACTER, CLOSERS_TICK, COMMON, DOUBLE, NESTING_COMMENT, SCRIPT, SINGLE, SLASHES,
    TEXT_BLOCK, multiline,
};
use crate::language::{Escape, Language};

pub(crate) static RUST: Language = Language {
    id: "rust",
    names: &["rs"],
    extensions: &["rs"],
    line_comments: SLASHES,
    block_comments: NESTING_COMMENT,
    strings: &[
        multiline("r###\"", "\"###", Escape::None),
        multiline("r##\"", "\"##", Escape::None),
        multiline("r#\"", "\"#", Escape::None),
        multiline("r\"", "\"", Escape::None),
        multiline("\"", "\"", Escape::Backslash),
        CHARACTER,
    ],
    // No quote: `'` opens a lifetime as often as a character.
    closers: &[')', ']', '}', '"'],
    ..COMMON
};

pub(crate) static TYPESCRIPT: Language =
    Language { id: "typescript", names: &["ts"], extensions: &["ts", "mts", "cts"], ..SCRIPT };

pub(crate) static TYPESCRIPT_REACT: Language = Language {
    id: "typescriptreact",
    names: &["tsx", "typescript.tsx"],
    extensions: &["tsx"],
    ..SCRIPT
};

pub(crate) static JAVASCRIPT: Language =
    Language { id: "javascript", names: &["js"], extensions: &["js", "mjs", "cjs"], ..SCRIPT };

pub(crate) static JAVASCRIPT_REACT: Language = Language {
    id: "javascriptreact",
    names: &["jsx", "javascript.jsx"],
    extensions: &["jsx"],
    ..SCRIPT
};

pub(crate) static GO: Language = Language {
    id: "go",
    names: &["golang"],
    extensions: &["go"],
    strings: &[DOUBLE, CHARACTER, multiline("`", "`", Escape::None)],
    closers: CLOSERS_TICK,
    ..C_LIKE
};

pub(crate) static C: Language = Language { id: "c", extensions: &["c", "h"], ..C_LIKE };

pub(crate) static CPP: Language = Language {
    id: "cpp",
    names: &["c++", "cxx"],
    extensions: &["cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "inl"],
    strings: &[multiline("R\"(", ")\"", Escape::None), DOUBLE, CHARACTER],
    ..C_LIKE
};

pub(crate) static JAVA: Language = Language {
    id: "java",
    extensions: &["java"],
    strings: &[TEXT_BLOCK, DOUBLE, CHARACTER],
    ..C_LIKE
};

pub(crate) static CSHARP: Language = Language {
    id: "csharp",
    names: &["cs", "c#", "c_sharp"],
    extensions: &["cs", "csx"],
    strings: &[
        multiline("\"\"\"", "\"\"\"", Escape::None),
        multiline("$@\"", "\"", Escape::Doubled),
        multiline("@$\"", "\"", Escape::Doubled),
        multiline("@\"", "\"", Escape::Doubled),
        DOUBLE,
        CHARACTER,
    ],
    ..C_LIKE
};

pub(crate) static KOTLIN: Language = Language {
    id: "kotlin",
    names: &["kt"],
    extensions: &["kt", "kts"],
    block_comments: NESTING_COMMENT,
    strings: &[multiline("\"\"\"", "\"\"\"", Escape::None), DOUBLE, CHARACTER],
    ..C_LIKE
};

pub(crate) static SWIFT: Language = Language {
    id: "swift",
    extensions: &["swift"],
    block_comments: NESTING_COMMENT,
    strings: &[TEXT_BLOCK, DOUBLE],
    closers: &[')', ']', '}', '"'],
    ..C_LIKE
};

pub(crate) static SCALA: Language = Language {
    id: "scala",
    extensions: &["scala", "sc", "sbt"],
    block_comments: NESTING_COMMENT,
    strings: &[multiline("\"\"\"", "\"\"\"", Escape::None), DOUBLE, CHARACTER],
    ..C_LIKE
};

pub(crate) static DART: Language = Language {
    id: "dart",
    extensions: &["dart"],
    block_comments: NESTING_COMMENT,
    strings: &[TEXT_BLOCK, multiline("'''", "'''", Escape::Backslash), DOUBLE, SINGLE],
    ..C_LIKE
};

pub(crate) static ZIG: Language =
    Language { id: "zig", extensions: &["zig", "zon"], block_comments: &[], ..C_LIKE };

pub(crate) static PHP: Language = Language {
    id: "php",
    extensions: &["php", "phtml"],
    line_comments: &["//", "#"],
    strings: &[multiline("\"", "\"", Escape::Backslash), multiline("'", "'", Escape::Backslash)],
    ..C_LIKE
};
