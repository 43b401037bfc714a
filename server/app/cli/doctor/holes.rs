//! The holes of the self-test: short programs with one gap that has one right answer.
//!
//! They were written for this test. They are short, because no prompt is cached: the 20 holes have
//! about 770 prompt tokens. Most lines continue after the cursor, and most answers are names that
//! later lines use.

/// A program with a gap.
#[derive(Debug)]
pub(super) struct Hole {
    /// The language id.
    pub(super) language: &'static str,
    /// The file's name, which the prompt shows the model.
    pub(super) file: &'static str,
    /// The text; `$0` marks the cursor.
    pub(super) text: &'static str,
    /// The right answers at the cursor.
    pub(super) accepts: &'static [&'static str],
}

/// All holes, in order.
pub(super) const HOLES: [Hole; 20] = [
    Hole {
        language: "rust",
        file: "ring.rs",
        text: "\
struct Ring {
    slots: Vec<u8>,
    head: usize,
}

impl Ring {
    fn is_empty(&self) -> bool {
        self.$0.is_empty()
    }

    fn head(&self) -> usize {
        self.head
    }
}
",
        accepts: &["slots"],
    },
    Hole {
        language: "rust",
        file: "longest.rs",
        text: "\
fn longer<'a>(left: &'a str, right: &'a str) -> &'a str {
    if left.len() >= right.len() {
        left
    } else {
        $0
    }
}
",
        accepts: &["right"],
    },
    Hole {
        language: "python",
        file: "config.py",
        text: "\
import $0
from pathlib import Path


def load(path):
    return json.loads(Path(path).read_text())
",
        accepts: &["json"],
    },
    Hole {
        language: "python",
        file: "rectangle.py",
        text: "\
class Rectangle:
    def __init__(self, $0):
        self.width = width
        self.height = height
",
        accepts: &["width, height"],
    },
    Hole {
        language: "python",
        file: "words.py",
        text: "\
def count_words(path):
    with open(path) as $0:
        return len(file.read().split())
",
        accepts: &["file"],
    },
    Hole {
        language: "typescript",
        file: "shape.ts",
        text: "\
type Shape = \"circle\" | \"square\";

function area($0: Shape, size: number): number {
  switch (shape) {
    case \"circle\":
      return Math.PI * size * size;
    case \"square\":
      return size * size;
  }
}
",
        accepts: &["shape"],
    },
    Hole {
        language: "typescript",
        file: "empty.ts",
        text: "\
export function isEmpty(list: string[]): boolean {
  return list.$0 === 0;
}
",
        accepts: &["length"],
    },
    Hole {
        language: "javascript",
        file: "greet.js",
        text: "\
function greet(user) {
  const $0 = user.firstName + \" \" + user.lastName;
  return `Hello, ${fullName}!`;
}
",
        accepts: &["fullName"],
    },
    Hole {
        language: "javascript",
        file: "double.js",
        text: "\
function doubled(numbers) {
  return numbers.map(($0) => number * 2);
}
",
        accepts: &["number"],
    },
    Hole {
        language: "go",
        file: "stack.go",
        text: "\
package stack

type Stack struct {
	items []int
}

func (s *Stack) Push($0 int) {
	s.items = append(s.items, value)
}
",
        accepts: &["value"],
    },
    Hole {
        language: "go",
        file: "size.go",
        text: "\
package files

import \"os\"

func size(name string) (int64, error) {
	info, $0 := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
",
        accepts: &["err"],
    },
    Hole {
        language: "java",
        file: "Account.java",
        text: "\
class Account {
    private final String owner;
    private long balance;

    String getOwner() {
        return owner;
    }

    long $0() {
        return balance;
    }
}
",
        accepts: &["getBalance"],
    },
    Hole {
        language: "c",
        file: "count.c",
        text: "\
int count_char(const char *text, char wanted) {
    int $0 = 0;
    for (; *text; text++) {
        if (*text == wanted) {
            found++;
        }
    }
    return found;
}
",
        accepts: &["found"],
    },
    Hole {
        language: "cpp",
        file: "join.cpp",
        text: "\
std::string join(const std::vector<std::string>& words) {
    std::string joined;
    for (const auto& $0 : words) {
        joined += word;
    }
    return joined;
}
",
        accepts: &["word"],
    },
    Hole {
        language: "csharp",
        file: "Person.cs",
        text: "\
public class Person
{
    public string $0 { get; }

    public Person(string name)
    {
        Name = name;
    }
}
",
        accepts: &["Name"],
    },
    Hole {
        language: "ruby",
        file: "person.rb",
        text: "\
class Person
  def initialize($0)
    @name = name
    @age = age
  end
end
",
        accepts: &["name, age"],
    },
    Hole {
        language: "php",
        file: "User.php",
        text: "\
<?php
class User
{
    public function __construct(private string $$0)
    {
    }

    public function name(): string
    {
        return $this->name;
    }
}
",
        accepts: &["name"],
    },
    Hole {
        language: "shellscript",
        file: "pack.sh",
        text: "\
#!/bin/sh
for $0 in \"$@\"; do
    gzip \"$file\"
    echo \"packed $file\"
done
",
        accepts: &["file"],
    },
    Hole {
        language: "kotlin",
        file: "Counter.kt",
        text: "\
class Counter(private var $0: Int) {
    fun next(): Int {
        count += 1
        return count
    }
}
",
        accepts: &["count"],
    },
    Hole {
        language: "sql",
        file: "report.sql",
        text: "\
SELECT $0, COUNT(*)
FROM orders
GROUP BY city
ORDER BY city;
",
        accepts: &["city"],
    },
];
