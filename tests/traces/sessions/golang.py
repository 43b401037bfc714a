"""Go sessions.  How to read a script: see the package."""

from __future__ import annotations

from editor import Editor

from sessions.register import scenario


@scenario("cache/cache.go")
def go_new_function(e: Editor) -> None:
    e.goto("// Stats returns the counters.", before=True)
    e.code("""
        // Sweep drops every entry that is no longer fresh and says how many there were.
        func (c *Cache) Sweep() int {
            c.mu.Lock()
            defer c.mu.Unlock()
            now, dropped := c.now(), 0
            for element := c.order.Back(); element != nil; {
                previous := element.Prev()
                if now.After(element.Value.(*entry).expires) {
                    c.remove(element)
                    dropped++
                }
                element = previous
            }
            c.stats.Expired += dropped
            return dropped
        }
    """)
    e.enter()
    e.enter()
    e.pause()
    e.code("""
        // Keys lists what is stored, the most recently used first.
        func (c *Cache) Keys() []string {
            c.mu.Lock()
            defer c.mu.Unlock()
            keys := make([]string, 0, c.order.Len())
            for element := c.order.Front(); element != nil; element = element.Next() {
                keys = append(keys, element.Value.(*entry).key)
            }
            return keys
        }
    """)
    e.enter()
    e.enter()


@scenario("cache/cache.go", "cache/cache_test.go")
def go_two_files(e: Editor) -> None:
    test, code = "cache/cache_test.go", "cache/cache.go"
    e.goto("// Len is the number", before=True)
    e.code("""
        // Delete takes an entry out and says whether it was there.
        func (c *Cache) Delete(key string) bool {
            c.mu.Lock()
            defer c.mu.Unlock()
            element, ok := c.items[key]
            if ok {
                c.remove(element)
            }
            return ok
        }
    """)
    e.enter()
    e.enter()
    e.goto("func TestTheOldestEntryGoes", before=True, path=test)
    e.code("""
        func TestDeleteTellsWhatWasThere(t *testing.T) {
            cache, _ := newTestCache(t, 4)
            cache.Put("ü", []byte("Übung"))
            if !cache.Delete("ü") {
                t.Error("the entry was not found")
            }
            if cache.Delete("ü") {
                t.Error("the entry went twice")
            }
        }
    """)
    e.enter()
    e.enter()
    e.goto("Hits, Misses, Evicted, Expired", path=code)
    e.type(", Deleted")
    e.goto("c.remove(element)\n\t}\n\treturn ok", before=True)
    e.goto("\tif ok {\n\t\tc.remove(element)")
    e.enter()
    e.type("c.stats.Deleted++")
    e.goto('t.Error("the entry went twice")\n\t}', path=test)
    e.enter()
    e.code("""
        if got := cache.Stats().Deleted; got != 1 {
            t.Errorf("deleted = %d, want 1", got)
        }
    """)
    e.goto("return New(capacity, time.Minute)")
    e.goto("// New makes a cache", path=code)
    e.goto("if capacity < 1 {\n\t\tcapacity = 1\n\t}")
    e.enter()
    e.code("""
        if ttl <= 0 {
            ttl = time.Minute
        }
    """)
    e.goto('t.Fatal("a stale entry came back")', path=test)
    e.goto('"a stale entry came back')
    e.type(" after two minutes")


@scenario("cache/cache_test.go", crlf=True)
def go_crlf(e: Editor) -> None:
    e.goto('t.Errorf("len = %d, want 2", cache.Len())\r\n\t}\r\n}')
    e.enter()
    e.enter()
    e.code("""
        func TestStatsCount(t *testing.T) {
            cases := []struct {
                name string
                keys []string
                want Stats
            }{
                {"nothing", nil, Stats{}},
                {"größer", []string{"ä", "b"}, Stats{Misses: 2}},
            }
            for _, c := range cases {
                t.Run(c.name, func(t *testing.T) {
                    cache, _ := newTestCache(t, 1)
                    for _, key := range c.keys {
                        cache.Get(key)
                    }
                    if got := cache.Stats(); got != c.want {
                        t.Errorf("got %+v, want %+v", got, c.want)
                    }
                })
            }
        }
    """)
    e.goto('t.Fatalf("got %q, %v", value, ok')
    e.backspace(len("value, ok"))
    e.type("string(value), ok")
    e.goto("\tcache.Put(\"a\", []byte(\"1\"))")
    e.enter()
    e.type('cache.Put("b", []byte("2"))')
    e.pause()
    e.backspace(len('"b", []byte("2"))'))
    e.type('"ä", []byte("2"))')
