package protocol

import "sync/atomic"

// counter counts hits, in cells of a cache line each, so that cores which count at the same time do not wait for one another.
type counter [64]struct {
	atomic.Uint64
	_ [56]byte
}

// add counts one, in the cell of a hash.
func (c *counter) add(hash uint64) { c[hash%uint64(len(c))].Add(1) }

func (c *counter) sum() (sum uint64) {
	for cell := range c {
		sum += c[cell].Load()
	}
	return sum
}
