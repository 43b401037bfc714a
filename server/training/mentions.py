"""Finds where a parsed file uses names, and how: as a call, a member, a type, a plain name, or in the
place where it declares them.

The parser's tree says what declares a name and what is inside a string. The bytes beside a name say
the rest, alike in all languages: `.name`, `->name` and `::name` are members, `name(` is a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from definitions import Source

# Leaves that are no names of the program's text.
NOT_NAMES = frozenset("builtin_identifier statement_identifier label_name escape_sequence".split())
# Where a name in a `name` field is used and not declared.
USES = frozenset(
    "scoped_identifier scoped_type_identifier qualified_identifier qualified_name qualified_type member_access_expression"
    " method_invocation function_call generic_name generic_type template_function template_type template_method"
    " jsx_opening_element jsx_self_closing_element user_type object_creation_expression attribute annotation"
    " marker_annotation conditional_access_expression member_binding_expression nested_type_identifier enum_assignment"
    " function_call_expression member_call_expression scoped_call_expression constructor_invocation".split()
)
DECLARING = frozenset("name pattern left declarator parameter parameters alias bound_identifier external_name key".split())
# Wrappers between a name and the declaration whose field it is in.
WRAPPERS = frozenset(
    "tuple_pattern list_pattern pattern_list expression_list array_pattern object_pattern rest_pattern"
    " assignment_pattern reference_pattern mut_pattern ref_pattern captured_pattern pointer_declarator array_declarator"
    " reference_declarator init_declarator function_declarator parenthesized_declarator list_splat_pattern as_pattern_target"
    " dictionary_splat_pattern pattern pair_pattern splat_parameter left_assignment_list slice_pattern or_pattern".split()
)
# Everything directly inside one of these is declared, except what is in a `type` or `value` field.
LISTS = frozenset(
    "parameters formal_parameters lambda_parameters closure_parameters block_parameters method_parameters"
    " inferred_parameters parameter_list preproc_params lambda_parameter variable_declaration type_parameters type_parameter"
    " type_parameter_list payload as_pattern_target typed_parameter parameter class_parameter tuple_pattern pattern_list"
    " global_statement nonlocal_statement catch_clause variable_list optional_parameter keyword_parameter value_argument_label"
    " variadic_parameter_declaration typed_default_parameter destructured_left_assignment for_numeric_clause"
    " for_generic_clause multi_variable_declaration exception_variable labeled_statement goto_statement jsx_closing_element"
    " implicit_parameter enum_entry type_alias".split()
)
# `label: value` and `label=value`: the label is the callee's, not a name of this place.
LABELS = re.compile(rb"\s*(?::(?!:)|=(?![=>]))")
LABELLED = frozenset("pair keyword_argument argument value_argument field jsx_attribute hash_element_reference".split())
STRINGS = re.compile(r"string|heredoc|char_literal|character_literal|regex|comment|raw_text|jsx_text|word$|concatenation")
MEMBER = re.compile(rb"(?:(?<!\.)\.|->|::)\Z")
LUA_MEMBER = re.compile(rb"(?:(?<!\.)\.|[\w)\]]:)\Z")
CALLED = re.compile(rb"!?(?:::)?(?:<[\w\s,.:&'\[\]?*<>]*>)?\s*\(|!\s*[\[{(]")


@dataclass(frozen=True)
class Mention:
    name: str
    start: int  # Byte offsets.
    end: int
    role: str  # call, member (also when called), type, field (of a literal), plain, label, declared, import, text
    site: int  # Where the expression begins that the name is the last part of.


def declares(node) -> bool:
    child, parent = node, node.parent
    while parent is not None and parent.type in WRAPPERS:
        if parent.type in ("assignment_pattern", "init_declarator") and child.start_byte != parent.start_byte:
            return False
        if parent.type == "expression_list" and field_name(parent, parent.parent) != "left":
            return False
        child, parent = parent, parent.parent
    if parent is None:
        return False
    slot = field_name(child, parent)
    if parent.type in LISTS:
        return slot not in ("type", "value", "default_value", "body", "return_type")
    if slot == "left" and not re.search("assignment|declaration|for|range", parent.type):
        return False
    return slot in DECLARING and parent.type not in USES and not (slot == "name" and parent.type in LABELLED)


def field_name(child, parent) -> str | None:
    if parent is None:
        return None
    for i in range(parent.child_count):
        if parent.child(i) == child:
            return parent.field_name_for_child(i)
    return None


# Expressions that end with a name: the name's own site begins where they begin.
CHAINS = re.compile(
    r"scoped|qualified|field_expression|member_|attribute$|selector|(?:field|conditional)_access|navigation|(?:dot|method)_index|generic_function"
    r"|call|invocation|macro_invocation|new_expression|object_creation|type_identifier|template_function|nested|struct_expression"
    r"|composite_literal|generic_type|template_type"
)


def site(node) -> int:
    """Returns the start of the expression around the name on its line: of `a.b.name(x)`, `a`."""
    row, start = node.start_point.row, node.start_byte
    parent = node.parent
    while parent is not None and parent.start_point.row == row and CHAINS.search(parent.type):
        # An argument of a call is not a part of its callee; in Zig only the order tells.
        if parent.type == "call_suffix" or (parent.type == "call_expression" and parent.named_child(0) != node):
            break
        node, start, parent = parent, parent.start_byte, parent.parent
    return start


def role(source: Source, node, defined: set[int]) -> str:
    data, start, end = source.data, node.start_byte, node.end_byte
    if start in defined:
        return "declared"
    before, after = data[max(0, start - 8) : start], data[end : end + 80]
    parent = node.parent
    if parent.type in ("field_initializer", "keyed_element", "literal_element", "initializer_pair", "field_pattern"):
        if LABELS.match(after):
            return "field"
    if (LUA_MEMBER if source.language == "lua" else MEMBER).search(before):
        return "member"
    if parent.type in LABELLED and LABELS.match(after):
        return "label"
    if declares(node):
        return "declared"
    if CALLED.match(after):
        return "call"
    return "type" if node.type == "type_identifier" else "plain"


def mentions(source: Source) -> Iterator[Mention]:
    """Yields every name of the file in order; those in strings and comments have the role `text`."""
    defined = {found.start for found in source.definitions}

    def visit(node, text: bool) -> Iterator[Mention]:
        if not node.child_count:
            named = node.is_named and (node.type.endswith("identifier") or node.type in ("constant", "name"))
            if named and node.type not in NOT_NAMES:
                name = node.text.decode(errors="replace")
                imported = any(start <= node.start_byte < end for start, end in source.imports)
                kind = "import" if imported else "text" if text else role(source, node, defined)
                yield Mention(name, node.start_byte, node.end_byte, kind, site(node))
            return
        text = text or bool(STRINGS.search(node.type))
        for child in node.children:
            yield from visit(child, text)

    yield from visit(source.tree.root_node, False)


def spans(source: Source) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Returns the byte ranges of the comments and of the strings, in order."""
    comments, strings = [], []

    def visit(node) -> None:
        if "comment" in node.type:
            comments.append((node.start_byte, node.end_byte))
        elif node.child_count == 0 or STRINGS.search(node.type):
            if STRINGS.search(node.type) and node.is_named:
                strings.append((node.start_byte, node.end_byte))
        else:
            for child in node.children:
                visit(child)

    visit(source.tree.root_node)
    return comments, strings
