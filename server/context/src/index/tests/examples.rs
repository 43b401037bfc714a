//! One example for each of the less common languages.

use lowkey_document::Language;

use super::super::definitions;

/// One short text per language, with the names that another file can use.
const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "kotlin",
        "data class A(val b: Int, c: String) {\n  companion object { const val D = 1 }\n  fun List<Int>.e() = map { it }\n}\nenum class F { G, H }\n",
        "A b D e F G H",
    ),
    (
        "swift",
        "public struct A: B {\n  let c: Int\n  init(d: Int) { let no = 1 }\n  func e(_ f: Int) -> Int { 0 }\n}\nenum G { case h(Int), i }\nextension A { var j: Int { 1 } }\n",
        "A c init e G h i j",
    ),
    (
        "php",
        "<?php\nnamespace N;\nabstract class A extends B {\n  const C = 1;\n  private ?int $d = null;\n  public function e(int $f): int { $no = 1; }\n}\nfunction g() {}\n",
        "A C d e g",
    ),
    (
        "zig",
        "const std = @import(\"std\");\npub const A = struct {\n  b: u32,\n  pub fn c(self: A) void { const no = 1; }\n};\nconst D = enum { e, f };\nfn g() void {}\n",
        "A b c D e f g",
    ),
    (
        "javascript",
        "exports.a = function (b) {};\nclass C { d() {} static e = 1; }\nmodule.exports = { f() {} };\nconst g = require('g');\nfunction* h() {}\n",
        "a C d e f h",
    ),
    (
        "ruby",
        "module A\n  class B < C\n    attr_reader :d\n    E = 1\n    def self.f?(g)\n      no = 1\n    end\n  end\nend\n",
        "A B d E f?",
    ),
    (
        "lua",
        "local M = {}\nfunction M.a(b)\n  local no = 1\nend\nM.c = function(d) end\nlocal function e() end\nreturn M\n",
        "M a c e",
    ),
    (
        "scala",
        "case class A(b: Int)\nobject C {\n  def d(e: Int): Int = {\n    val no = 1\n  }\n  val f = 1\n}\n",
        "A b C d f",
    ),
    (
        "dart",
        "class A extends B {\n  final int c;\n  A(this.c);\n  Future<int> d() async => 1;\n}\nvoid e() {}\n",
        "A c A d e",
    ),
    (
        "elixir",
        "defmodule A.B do\n  @c 1\n  def d(e), do: e\n  defp f(g) do\n    no = 1\n  end\nend\n",
        "B c d f",
    ),
    (
        "haskell",
        "module A where\ndata B = C Int | D { e :: Int }\nf :: Int -> Int\nf x = x\n",
        "B C D e f",
    ),
    (
        "ocaml",
        "type a = B | C of int\nlet d e =\n  let no = 1 in\n  no\nmodule F = struct\n  let g = 1\nend\n",
        "a d g",
    ),
    (
        "fsharp",
        "type A =\n    | B of int\n    member this.C(d) = d\nlet e f =\n    let no = 1\n    no\n",
        "A B C e",
    ),
    ("erlang", "-module(a).\n-record(b, {c}).\nd(0) -> 1;\nd(N) -> N.\ne() -> ok.\n", "b d e"),
    ("clojure", "(ns a)\n(defn b [c] (let [no 1] no))\n(def d 1)\n", "b d"),
    ("shellscript", "a() {\n  local no=1\n}\nfunction b { echo; }\n", "a b"),
    ("powershell", "function Get-A { param($b) }\nclass C { }\n", "Get-A C"),
    ("perl", "package A;\nsub b { my $no = 1; }\nsub c;\n", "b c"),
    ("r", "a <- function(b) {\n  no <- 1\n}\nC = 1\n", "a C"),
    (
        "julia",
        "struct A\n  b::Int\nend\nfunction c(d)\n  no(x) = 1\nend\ne(f) = f\nconst G = 1\n",
        "A b c e G",
    ),
    (
        "sql",
        "CREATE TABLE IF NOT EXISTS a.b (c int);\ncreate or replace function d() returns int as $$ select 1 $$;\n",
        "b d",
    ),
    ("proto3", "message A { string b = 1; }\nenum C { D = 0; }\n", "A b C D"),
    ("graphql", "type A {\n  b(c: Int): String\n  d: Int\n}\nenum E { F }\n", "A b d E F"),
    ("groovy", "class A {\n  String b\n  def c(d) { def no = 1 }\n}\n", "A c"),
    ("crystal", "class A\n  def b(c : Int32)\n    no = 1\n  end\nend\n", "A b"),
    (
        "objective-c",
        "@interface A : B\n- (int)c:(int)d;\n@end\nint e(void) { return 1; }\n",
        "A c e",
    ),
];

#[test]
fn names_of_the_other_languages() {
    for (language, text, names) in EXAMPLES {
        let found = definitions(text, Language::by_id(language));
        let found: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(found.join(" "), *names, "{language}");
    }
}
