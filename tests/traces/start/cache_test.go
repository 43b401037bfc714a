package cache

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// fakeClock moves only when it is told to.
type fakeClock struct {
	at time.Time
}

func (f *fakeClock) now() time.Time {
	return f.at
}

func (f *fakeClock) advance(by time.Duration) {
	f.at = f.at.Add(by)
}

func newTestCache(t *testing.T, capacity int) (*Cache, *fakeClock) {
	t.Helper()
	clock := &fakeClock{at: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)}
	return New(capacity, time.Minute).WithClock(clock.now), clock
}

func TestGetReturnsWhatWasPut(t *testing.T) {
	cache, _ := newTestCache(t, 4)
	cache.Put("greeting", []byte("grüß dich 👋"))
	value, ok := cache.Get("greeting")
	if !ok || !bytes.Equal(value, []byte("grüß dich 👋")) {
		t.Fatalf("got %q, %v", value, ok)
	}
}

func TestEntriesExpire(t *testing.T) {
	cache, clock := newTestCache(t, 4)
	cache.Put("a", []byte("1"))
	clock.advance(2 * time.Minute)
	if _, ok := cache.Get("a"); ok {
		t.Fatal("a stale entry came back")
	}
	if got := cache.Stats().Expired; got != 1 {
		t.Errorf("expired = %d, want 1", got)
	}
}

func TestTheOldestEntryGoes(t *testing.T) {
	cache, _ := newTestCache(t, 2)
	for i := range 3 {
		cache.Put(fmt.Sprint("key-", i), []byte{byte(i)})
	}
	if _, ok := cache.Get("key-0"); ok {
		t.Error("the oldest entry is still there")
	}
	if cache.Len() != 2 {
		t.Errorf("len = %d, want 2", cache.Len())
	}
}
