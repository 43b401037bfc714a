// Package cache keeps values for a while, with a bound on how many.
package cache

import (
	"container/list"
	"sync"
	"time"
)

// Clock tells the time; tests bring their own.
type Clock func() time.Time

// Stats counts what happened since the cache was made.
type Stats struct {
	Hits, Misses, Evicted, Expired int
}

type entry struct {
	key     string
	value   []byte
	expires time.Time
}

// Cache is safe for use by many goroutines.
type Cache struct {
	mu       sync.Mutex
	capacity int
	ttl      time.Duration
	now      Clock
	order    *list.List
	items    map[string]*list.Element
	stats    Stats
}

// New makes a cache of at most capacity entries that live for ttl each.
func New(capacity int, ttl time.Duration) *Cache {
	if capacity < 1 {
		capacity = 1
	}
	return &Cache{
		capacity: capacity,
		ttl:      ttl,
		now:      time.Now,
		order:    list.New(),
		items:    make(map[string]*list.Element, capacity),
	}
}

// WithClock replaces the clock and returns the cache.
func (c *Cache) WithClock(now Clock) *Cache {
	c.now = now
	return c
}

// Get returns a copy of the value, if it is there and still fresh.
func (c *Cache) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.items[key]
	if !ok {
		c.stats.Misses++
		return nil, false
	}
	found := element.Value.(*entry)
	if c.now().After(found.expires) {
		c.remove(element)
		c.stats.Expired++
		c.stats.Misses++
		return nil, false
	}
	c.order.MoveToFront(element)
	c.stats.Hits++
	return append([]byte(nil), found.value...), true
}

// Put stores a copy of the value and drops the oldest entry if there are too many.
func (c *Cache) Put(key string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	expires := c.now().Add(c.ttl)
	copied := append([]byte(nil), value...)
	if element, ok := c.items[key]; ok {
		found := element.Value.(*entry)
		found.value, found.expires = copied, expires
		c.order.MoveToFront(element)
		return
	}
	c.items[key] = c.order.PushFront(&entry{key: key, value: copied, expires: expires})
	for c.order.Len() > c.capacity {
		c.remove(c.order.Back())
		c.stats.Evicted++
	}
}

// Len is the number of entries, stale ones included.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}

// Stats returns the counters.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

func (c *Cache) remove(element *list.Element) {
	c.order.Remove(element)
	delete(c.items, element.Value.(*entry).key)
}
