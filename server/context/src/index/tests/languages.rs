//! Definitions and their signatures in each language.

use lowkey_document::Language;
use proptest::prelude::*;

use super::super::definitions::has_definitions;
use super::super::{DefinitionKind, definitions};

/// Returns one line per definition: kind, container and name, signature.
fn found(language: &str, text: &str) -> Vec<String> {
    definitions(text, Language::by_id(language))
        .into_iter()
        .map(|one| {
            let kind = match one.kind {
                DefinitionKind::Function => "fn",
                DefinitionKind::Method => "method",
                DefinitionKind::Type => "type",
                DefinitionKind::Constant => "const",
                DefinitionKind::Field => "field",
                DefinitionKind::Variable => "var",
            };
            let container = one.container.map(|name| format!("{name}.")).unwrap_or_default();
            format!("{}: {kind} {container}{} = {}", one.line, one.name, one.signature)
        })
        .collect()
}

#[test]
fn rust() {
    let text = r#"
#[derive(Debug)]
pub struct Point<T> { /// x
    pub x: T, map: HashMap<String, u32>, }
enum Kind { One, Two(u8), Three { a: u8 } }
impl<T: Copy> Shape for Point<T> where T: Add {
    const SIDES: u32 = 4;
    pub(crate) fn area(
        &self, // the side
        scale: f32,
    ) -> f32 { fn inner() {} let x = "fn no() {}"; 0.0 }
}
pub trait Shape { fn area(&self) -> f32; type Out; }
mod deep { pub const fn two() -> u8 { 2 } }
macro_rules! sum { ($a:expr) => { fn hidden() {} } }
pub type Alias = Vec<u8>;
static mut COUNT: usize = 0; const _: () = { fn x() {} };
/* fn commented() {} */
"#;
    assert_eq!(
        found("rust", text),
        [
            "2: type Point = pub struct Point<T>",
            "3: field Point.x = pub x: T",
            "3: field Point.map = map: HashMap<String, u32>",
            "4: type Kind = enum Kind",
            "4: const Kind.One = One",
            "4: const Kind.Two = Two(u8)",
            "4: const Kind.Three = Three",
            "4: field Three.a = a: u8",
            "6: const Point.SIDES = const SIDES: u32 = 4",
            "7: method Point.area = pub(crate) fn area(&self, scale: f32) -> f32",
            "12: type Shape = pub trait Shape",
            "12: method Shape.area = fn area(&self) -> f32",
            "12: type Shape.Out = type Out",
            "13: fn two = pub const fn two() -> u8",
            "14: fn sum = macro_rules! sum",
            "15: type Alias = pub type Alias = Vec<u8>",
            "16: const COUNT = static mut COUNT: usize = 0",
        ]
    );
}

#[test]
fn python() {
    let text = r#"
LIMIT = 3
class Tree(Base):
    """class Doc: def no(self): pass"""
    size: int = 0
    def __init__(self, root):
        self.root = root
        if root:
            self.depth = 1
    @property
    async def walk(
        self,
        depth: int = 2,
    ) -> list[str]:
        def inner(): pass
def main(): return Tree(None)
"#;
    assert_eq!(
        found("python", text),
        [
            "1: const LIMIT = LIMIT = 3",
            "2: type Tree = class Tree(Base)",
            "4: field Tree.size = size: int = 0",
            "5: method Tree.__init__ = def __init__(self, root)",
            "6: field Tree.root = self.root = root",
            "8: field Tree.depth = self.depth = 1",
            "10: method Tree.walk = async def walk(self, depth: int = 2) -> list[str]",
            "15: fn main = def main()",
        ]
    );
}

#[test]
fn typescript() {
    let text = r"
import { x } from './x';
export interface Options<T> { name?: string; run(a: number): void
  deep: { inner: string } }
export abstract class Store<T> extends Base<T> {
  private items: Map<string, T> = new Map();
  constructor(private readonly key: string) { super(); const no = 1; }
  static async load<T>(id: string): Promise<T> { return function nested() {} }
  handler = async (event: Event) => { };
}
export const twice = (n: number) => n * 2, LIMIT = 3;
export default function main(args: { a: string }): void {}
enum Color { Red = 1, Green }
type Id = string | number;
declare module 'y' { export function helper(): void }
";
    assert_eq!(
        found("typescript", text),
        [
            "2: type Options = export interface Options<T>",
            "2: field Options.name = name?: string",
            "2: method Options.run = run(a: number): void",
            "3: field inner = inner: string",
            "3: field Options.deep = deep: { inner: string }",
            "4: type Store = export abstract class Store<T> extends Base<T>",
            "5: field Store.items = private items: Map<string, T>",
            "6: method Store.constructor = constructor(private readonly key: string)",
            "6: field Store.key = private readonly key: string",
            "7: method Store.load = static async load<T>(id: string): Promise<T>",
            "8: method Store.handler = handler = async (event: Event)",
            "10: fn twice = export const twice = (n: number)",
            "11: fn main = export default function main(args: { a: string }): void",
            "12: type Color = enum Color",
            "12: const Color.Red = Red = 1",
            "12: const Color.Green = Green",
            "13: type Id = type Id = string | number",
            "14: fn helper = export function helper(): void",
        ]
    );
}

#[test]
fn go() {
    let text = r#"
package shop
type Cart[T any] struct {
	Name, Owner string `json:"name"`
	io.Reader
	items []T
}
type Store interface { Load(id string) (*Cart[int], error) }
func (c *Cart[T]) Add(item T) error { x := func() {}; return nil }
func New() *Cart[int] {
	var local = 1
}
const (
	Max = 3
	Min
)
var first, second = 1, 2
"#;
    assert_eq!(
        found("go", text),
        [
            "2: type Cart = type Cart[T any] struct",
            "3: field Cart.Name = Name, Owner string",
            "3: field Cart.Owner = Name, Owner string",
            "5: field Cart.items = items []T",
            "7: type Store = type Store interface",
            "7: method Store.Load = Load(id string) (*Cart[int], error)",
            "8: method Cart.Add = func (c *Cart[T]) Add(item T) error",
            "9: fn New = func New() *Cart[int]",
            "13: const Max = Max = 3",
            "14: const Min = Min",
            "16: var first = var first, second = 1, 2",
            "16: var second = var first, second = 1, 2",
        ]
    );
}

#[test]
fn c() {
    let text = r#"
#define MAX(a, b) \
    ((a) > (b))
#define LIMIT 3
typedef struct node { int value; struct node *next; } Node;
typedef int (*callback)(int);
enum color { RED, GREEN = 2 };
static const char *names[] = { "int f(void) {" };
#ifdef X
int twice(int n) {
#else
int twice(long n) {
#endif
    int local = 1; return n; }
struct node *find(struct node *from,
                  int value);
"#;
    assert_eq!(
        found("c", text),
        [
            "1: fn MAX = #define MAX(a, b)",
            "3: const LIMIT = #define LIMIT 3",
            "4: type node = typedef struct node",
            "4: field node.value = int value",
            "4: field node.next = struct node *next",
            "4: type Node = typedef struct node Node",
            "5: type callback = typedef int (*callback)(int)",
            "6: type color = enum color",
            "6: const color.RED = RED",
            "6: const color.GREEN = GREEN = 2",
            "7: const names = static const char *names[]",
            "9: fn twice = int twice(int n)",
            "11: fn twice = int twice(long n)",
            "14: fn find = struct node *find(struct node *from, int value)",
        ]
    );
}

#[test]
fn cpp() {
    let text = r"
namespace shop {
template <typename T> class EXPORT Cart final : public Base<T> {
public:
    explicit Cart(int size) : size_(size), map_{} { }
    virtual std::vector<T> items(const std::map<int, T> &from) const noexcept override;
    bool operator==(const Cart &other) const = default;
private:
    int size_ = 0;
};
std::string Cart::name() const { return call(1); }
using Id = int;
}
TEST(Cart, Adds) { int local(1); }
";
    assert_eq!(
        found("cpp", text),
        [
            "2: type Cart = class EXPORT Cart final : public Base<T>",
            "4: method Cart.Cart = explicit Cart(int size)",
            "5: method Cart.items = virtual std::vector<T> items(const std::map<int, T> &from) const noexcept override",
            "6: method Cart.operator = bool operator==(const Cart &other) const",
            "8: field Cart.size_ = int size_",
            "10: method Cart.name = std::string Cart::name() const",
            "11: type Id = using Id = int",
        ]
    );
}

#[test]
fn java_and_csharp() {
    let java = r#"
package a.b;
@Service("x") public final class Cart<T extends Item> implements Store {
    private static final int MAX = 3;
    private Map<String, List<T>> items = new HashMap<>();
    public Cart(int size) { this.size = size; }
    @Override public <R> R each(Function<T, R> f) throws IOException { return new R() { }; }
    enum Kind { A("a"), B { int x() { return 1; } }; private final String name; String label() { return name; } }
}
record Point(int x, int y) { }
"#;
    assert_eq!(
        found("java", java),
        [
            "2: type Cart = public final class Cart<T extends Item> implements Store",
            "3: const Cart.MAX = private static final int MAX = 3",
            "4: field Cart.items = private Map<String, List<T>> items",
            "5: method Cart.Cart = public Cart(int size)",
            "6: method Cart.each = public <R> R each(Function<T, R> f) throws IOException",
            "7: type Cart.Kind = enum Kind",
            "7: const Kind.A = A(\"a\")",
            "7: const Kind.B = B",
            "7: field Kind.name = private final String name",
            "7: method Kind.label = String label()",
            "9: type Point = record Point(int x, int y)",
            "9: field Point.x = int x",
            "9: field Point.y = int y",
        ]
    );
    let csharp = r"
namespace Shop;
public class Cart : Base {
    public const int Max = 3;
    [JsonIgnore] public string? Name { get; set; } = null;
    public int Twice(int n) => n * 2;
    public async Task<List<int>> Load<T>(string id) where T : class { var local = 1; }
}
public record Point(int X, Dictionary<int, string> Y);
";
    assert_eq!(
        found("csharp", csharp),
        [
            "2: type Cart = public class Cart : Base",
            "3: const Cart.Max = public const int Max = 3",
            "4: field Cart.Name = public string? Name",
            "5: method Cart.Twice = public int Twice(int n)",
            "6: method Cart.Load = public async Task<List<int>> Load<T>(string id) where T : class",
            "8: type Point = public record Point(int X, Dictionary<int, string> Y)",
            "8: field Point.X = int X",
            "8: field Point.Y = Dictionary<int, string> Y",
        ]
    );
}

#[test]
fn languages_without_definitions_are_known() {
    let without: Vec<&str> =
        Language::all().iter().filter(|one| !has_definitions(one)).map(|one| one.id).collect();
    assert_eq!(
        without.join(" "),
        "html xml vue svelte erb css scss yaml json jsonc toml markdown dockerfile makefile nix \
         terraform csv git-commit plaintext"
    );
}

#[test]
fn signature_is_bounded() {
    let parameters = "éé: int, ".repeat(200);
    let all = definitions(&format!("def f({parameters}):\n  pass\n"), Language::by_id("python"));
    assert_eq!(all.len(), 1);
    assert!(all[0].signature.len() <= 200 && all[0].signature.starts_with("def f(éé: int"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Any text, cut and joined from pieces of code, in any language.
    #[test]
    fn any_text_has_a_result(
        pieces in proptest::collection::vec("[a-z]{1,3}|[ \n(){}<>\\[\\]:;,.=#@&*'\"/|$-]|fn|class|def|func|struct|enum|type|const|public|impl|for|=>|typedef|operator|record|interface|namespace|module|extension|case|self|using|template|then|let|é", 0..60),
        idx in 0..1000usize,
    ) {
        let languages: Vec<_> = Language::all().iter().filter(|one| has_definitions(one)).collect();
        let language = languages[idx % languages.len()];
        let text = pieces.join(" ");
        for text in [text.clone(), text.replace(' ', "")] {
            for one in definitions(&text, language) {
                prop_assert!(!one.name.is_empty());
                prop_assert!(one.signature.len() <= 200);
                prop_assert!((one.line as usize) < text.split('\n').count());
            }
        }
    }
}
