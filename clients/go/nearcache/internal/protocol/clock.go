package protocol

import "time"

const (
	// maxDrift is the most that the clocks may drift apart; beyond it one of them was set anew.
	maxDrift = 100 * time.Millisecond
	// window is the time for which one window collects answers, maxAge that for which an answer bounds the offset.
	window = 30 * time.Second
	maxAge = 2 * window
	// driftMargin is what two clocks of 200 ppm drift apart within maxAge; it counts against the bound.
	driftMargin = 24 * time.Millisecond
)

// bounds are the bounds of the offset by the answers of one window.
type bounds struct{ since, least, most time.Duration }

// databaseClock says how far the database's clock can be ahead of the monotonic clock of this process. The database looked at its clock
// after the call was sent, and before it was answered: that bounds the offset on both sides. The upper bound makes entries older than they
// are, never younger.
type databaseClock struct{ windows []bounds }

func (c *databaseClock) young(now time.Duration) []bounds {
	var young []bounds
	for _, one := range c.windows {
		if now-one.since <= maxAge {
			young = append(young, one)
		}
	}
	return young
}

// observe learns from one answer. False = the clocks have drifted apart since the answers before: nothing that was derived from those holds.
func (c *databaseClock) observe(sent, answered, databaseTime time.Duration) bool {
	shown := bounds{sent, databaseTime - answered, databaseTime - sent}
	c.windows = c.young(answered)
	agrees := true
	for _, one := range c.windows {
		agrees = agrees && shown.least <= one.most+maxDrift && shown.most >= one.least-maxDrift
	}
	if !agrees {
		c.windows = nil
	}
	last := len(c.windows) - 1
	if last < 0 || sent-c.windows[last].since > window {
		c.windows = append(c.windows, shown)
		return agrees
	}
	c.windows[last].least = max(c.windows[last].least, shown.least)
	c.windows[last].most = min(c.windows[last].most, shown.most)
	return agrees
}

// offset returns the most that the database's clock can be ahead; false when no answer is young enough to say.
func (c *databaseClock) offset(now time.Duration) (time.Duration, bool) {
	young := c.young(now)
	if len(young) == 0 {
		return 0, false
	}
	most := young[0].most
	for _, one := range young {
		most = min(most, one.most)
	}
	return most, true
}
