package bikes;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The bicycles of one shop, and which of them are on the road. */
public final class Fleet {
    /** A bicycle with its size in centimetres and its price for an hour in cents. */
    public record Bicycle(String plate, int frame, int centsPerHour) {}

    /** A bicycle that a customer has taken. */
    public record Rental(Bicycle bicycle, String customer, Instant from) {
        /** The time since the customer took the bicycle. */
        public Duration until(Instant now) {
            return Duration.between(from, now);
        }
    }

    private final List<Bicycle> bicycles = new ArrayList<>();
    private final List<Rental> rentals = new ArrayList<>();

    /** Adds a bicycle; its plate must be new. */
    public void add(Bicycle bicycle) {
        if (find(bicycle.plate()).isPresent()) {
            throw new IllegalArgumentException("plate is known: " + bicycle.plate());
        }
        bicycles.add(bicycle);
    }

    /** The bicycle with this plate. */
    public Optional<Bicycle> find(String plate) {
        return bicycles.stream().filter(one -> one.plate().equals(plate)).findFirst();
    }

    /** Whether a bicycle is in the shop. */
    public boolean isFree(Bicycle bicycle) {
        return rentals.stream().noneMatch(rental -> rental.bicycle().equals(bicycle));
    }

    /** The free bicycle whose frame is nearest to the wanted one. */
    public Optional<Bicycle> nearest(int frame) {
        return bicycles.stream()
                .filter(this::isFree)
                .min(Comparator.comparingInt(one -> Math.abs(one.frame() - frame)));
    }

    /** Hands a free bicycle to a customer. */
    public Rental rent(Bicycle bicycle, String customer, Instant now) {
        if (!isFree(bicycle)) {
            throw new IllegalStateException("on the road: " + bicycle.plate());
        }
        Rental rental = new Rental(bicycle, customer, now);
        rentals.add(rental);
        return rental;
    }

    /** Takes a bicycle back and returns the price in cents, at least for one hour. */
    public int giveBack(Rental rental, Instant now) {
        rentals.remove(rental);
        long hours = Math.max(1, rental.until(now).toHours());
        return (int) hours * rental.bicycle().centsPerHour();
    }
}
