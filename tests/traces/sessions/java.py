"""Java sessions.  How to read a script: see the package."""

from __future__ import annotations

from editor import Editor

from sessions.register import scenario


@scenario("bikes/Fleet.java", "bikes/Counter.java")
def java_two_files(e: Editor) -> None:
    fleet, counter = "bikes/Fleet.java", "bikes/Counter.java"
    # A query in one file, and the command that prints it in the other.
    e.goto("/** Hands a free bicycle", before=True)
    e.code("""
        /** The rentals that are longer than the limit, the longest first. */
        public List<Rental> overdue(Instant now, Duration limit) {
            return rentals.stream()
                    .filter(rental -> rental.until(now).compareTo(limit) > 0)
                    .sorted(Comparator.comparing(Rental::from))
                    .toList();
        }
    """)
    e.enter()
    e.enter()
    e.goto('            case "back" -> back(words[1]);', path=counter)
    e.enter()
    e.type('case "late" -> late(Duration.ofHours(Long.parseLong(words[1])));')
    e.goto("import java.time.Clock;")
    e.enter()
    e.type("import java.time.Duration;")
    e.goto("static String describe", before=True)
    e.code("""
        private void late(Duration limit) {
            for (Rental rental : fleet.overdue(clock.instant(), limit)) {
                long hours = rental.until(clock.instant()).toHours();
                out.println(rental.customer() + " has " + describe(rental.bicycle()) + " for " + hours + " h");
            }
        }
    """)
    e.enter()
    e.enter()
    # A field of a record, and its uses.
    e.goto("String customer, Instant from", path=fleet)
    e.type(", int deposit")
    e.goto("public Rental rent(Bicycle bicycle, String customer, ")
    e.type("int deposit, ")
    e.goto("new Rental(bicycle, customer, now")
    e.type(", deposit")
    e.pause()
    e.goto("fleet.rent(bicycle, customer, ", path=counter)
    e.type("DEPOSIT, ")
    e.goto("public final class Counter {")
    e.enter()
    e.type("private static final int DEPOSIT = 50_00;")
    e.goto('" pays " + euros(cents')
    e.type(" - rental.deposit()")
    # Once more from the library to its user, with a name from the editor's list.
    e.goto("        return (int) hours * rental.bicycle().centsPerHour();\n    }", path=fleet)
    e.enter()
    e.enter()
    e.code("""
        /** How many bicycles are in the shop. */
        public long countFree() {
            return bicycles.stream().filter(this::isFree).count();
        }
    """)
    e.goto('() -> out.println("every bicycle is on the road"));\n    }', path=counter)
    e.enter()
    e.enter()
    e.code("""
        private void free() {
            out.println(fleet.countFree() + " bicycles are free");
        }
    """)
    e.goto('case "late"', before=True)
    e.type('case "free" -> free();')
    e.enter()
    e.goto("if (rental == null")
    e.pause()
    e.goto("fleet.giveBack(rental, clock.instant());")
    e.enter()
    e.type("if (fleet.count")
    e.backspace(len("count"))
    e.complete("cou", "countFree")
    e.type("() == 1) {")
    e.enter()
    e.type('out.println("the first one is back");')
