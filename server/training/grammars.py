"""What the nodes of tree-sitter's grammars mean: which define a name, which contain locals, which
import. The tables of definitions.py.
"""

from __future__ import annotations

import re

# Language: module of the grammar, its entry.
GRAMMARS = {
    "bash": ("tree_sitter_bash", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "zig": ("tree_sitter_zig", "language"),
}
# Nodes that define the name in their `name` field. A function inside a type is a method.
SCRIPT = {
    "function_declaration": "function", "generator_function_declaration": "function", "function_signature": "function",
    "class_declaration": "type", "abstract_class_declaration": "type", "interface_declaration": "type",
    "type_alias_declaration": "type", "enum_declaration": "type", "enum_assignment": "constant",
    "method_definition": "method", "method_signature": "method", "abstract_method_signature": "method",
    "public_field_definition": "field", "field_definition": "field", "property_signature": "field",
}  # fmt: skip
C = {"preproc_def": "constant", "preproc_function_def": "function", "enumerator": "constant"}
NAMED = {
    "bash": {"function_definition": "function"},
    "c": C | {"struct_specifier": "type", "enum_specifier": "type", "union_specifier": "type"},
    "cpp": C | {
        "struct_specifier": "type", "enum_specifier": "type", "union_specifier": "type", "class_specifier": "type",
        "alias_declaration": "type", "concept_definition": "type",
    },
    "csharp": {
        "class_declaration": "type", "struct_declaration": "type", "interface_declaration": "type", "record_declaration": "type",
        "enum_declaration": "type", "delegate_declaration": "type", "method_declaration": "method",
        "property_declaration": "field", "enum_member_declaration": "constant",
    },
    "go": {
        "function_declaration": "function", "method_declaration": "method", "method_elem": "method", "type_spec": "type",
        "type_alias": "type", "const_spec": "constant", "var_spec": "constant", "field_declaration": "field",
    },
    "java": {
        "class_declaration": "type", "interface_declaration": "type", "enum_declaration": "type", "record_declaration": "type",
        "annotation_type_declaration": "type", "method_declaration": "method", "enum_constant": "constant",
    },
    "javascript": SCRIPT,
    "kotlin": {"class_declaration": "type", "object_declaration": "type", "function_declaration": "function"},
    "lua": {},
    "php": {
        "function_definition": "function", "method_declaration": "method", "class_declaration": "type",
        "interface_declaration": "type", "trait_declaration": "type", "enum_declaration": "type", "enum_case": "constant",
        "property_element": "field",
    },
    "python": {"function_definition": "function", "class_definition": "type"},
    "ruby": {"class": "type", "module": "type", "method": "method", "singleton_method": "method"},
    "rust": {
        "function_item": "function", "function_signature_item": "function", "struct_item": "type", "enum_item": "type",
        "union_item": "type", "trait_item": "type", "type_item": "type", "associated_type": "type", "const_item": "constant",
        "static_item": "constant", "enum_variant": "constant", "field_declaration": "field", "macro_definition": "function",
    },
    "swift": {
        "class_declaration": "type", "protocol_declaration": "type", "typealias_declaration": "type",
        "function_declaration": "function", "protocol_function_declaration": "method", "enum_entry": "constant",
    },
    "typescript": SCRIPT,
    "zig": {"function_declaration": "function", "container_field": "field"},
}  # fmt: skip
# Inside one of these a function is a method and a variable is a field.
TYPES = frozenset(
    "class_declaration abstract_class_declaration interface_declaration class_definition class_specifier struct_specifier"
    " union_specifier impl_item trait_item struct_declaration record_declaration enum_declaration protocol_declaration"
    " object_declaration companion_object trait_declaration class union_declaration".split()
)
# What one of these contains is local.
BODIES = frozenset(
    "block function_body statement_block compound_statement constructor_body method_body lambda arrow_function"
    " function_expression do_block closure_expression lambda_literal anonymous_function computed_property didset_clause"
    " willset_clause".split()
)
# Languages whose blocks say nothing, because types and files have them too: what one of these nodes
# contains is local.
FUNCTIONS = {
    "python": ("function_definition",),
    "ruby": ("method", "singleton_method"),
    "lua": ("function_declaration", "function_definition"),
}
IMPORTS = frozenset(
    "use_declaration extern_crate_declaration import_statement import_from_statement future_import_statement"
    " import_declaration package_declaration package_header import using_directive preproc_include package_clause"
    " import_alias namespace_use_declaration".split()
)
# Nodes that import if their text is `REQUIRED` or `ALIAS`.
HOLDERS = frozenset("lexical_declaration variable_declaration call expression_statement".split())
# Variables that hold another file's module, or parts of it: `const { x } = require("y")`.
REQUIRED = re.compile(
    rb"""(?:(?:pub|local|const|let|var)\s+)*[\w\s{},:*.]{1,400}=\s*(?:await\s+)?(?:(?:require|import)\b\s*\(?\s*["']|@import\()"""
    rb"""|(?:require|require_relative)\b\s*\(?["']"""
)
# Another name for what another file defines, in Lua and Zig: `const Point = shapes.Point;`.
ALIAS = re.compile(rb"(?:pub\s+)?(?:local|const)\s+(\w+)\s*=\s*[\w.]+\.\1\s*;?\s*")
