package bikes;

import bikes.Fleet.Bicycle;
import bikes.Fleet.Rental;
import java.io.PrintStream;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;

/** The counter of the shop: commands of one line each, answers as text. */
public final class Counter {
    private final Fleet fleet;
    private final Clock clock;
    private final PrintStream out;
    private final Map<String, Rental> byCustomer = new HashMap<>();

    public Counter(Fleet fleet, Clock clock, PrintStream out) {
        this.fleet = fleet;
        this.clock = clock;
        this.out = out;
    }

    /** Runs a command such as `rent Łukasz 56` and prints its answer. */
    public void run(String line) {
        String[] words = line.trim().split("\\s+");
        switch (words[0]) {
            case "rent" -> rent(words[1], Integer.parseInt(words[2]));
            case "back" -> back(words[1]);
            default -> out.println("unknown command: " + words[0]);
        }
    }

    private void rent(String customer, int frame) {
        fleet.nearest(frame).ifPresentOrElse(
                bicycle -> {
                    byCustomer.put(customer, fleet.rent(bicycle, customer, clock.instant()));
                    out.println(customer + " has " + describe(bicycle));
                },
                () -> out.println("every bicycle is on the road"));
    }

    private void back(String customer) {
        Rental rental = byCustomer.remove(customer);
        if (rental == null) {
            out.println(customer + " has no bicycle");
            return;
        }
        int cents = fleet.giveBack(rental, clock.instant());
        out.println(customer + " pays " + euros(cents));
    }

    static String describe(Bicycle bicycle) {
        return bicycle.plate() + " (" + bicycle.frame() + " cm)";
    }

    static String euros(int cents) {
        return String.format("%d.%02d €", cents / 100, cents % 100);
    }
}
