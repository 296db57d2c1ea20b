// The bench of the near cache in Go: it fills one from a service, and reads it for as long as it is told, as bench/rows/near-cache-go.ts does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"userd.dev/client"
	userdv1 "userd.dev/client/gen/userd/v1"
	"userd.dev/client/nearcache"
)

// batch is how many reads are made between two looks at the clock.
const batch = 1_000

// hits reads a near cache, of which each user's option is kept. Each read makes its key.
func hits(near *nearcache.Cache, users []int64) func(int) bool {
	ctx := context.Background()
	return func(index int) bool {
		got, _ := near.Option(ctx, users[index%len(users)], "timezone", nearcache.Scope{})
		return got.GetFound()
	}
}

// plain reads a sync.Map, by a key of the same parts: the least that a program could do by hand.
func plain(users []int64) func(int) bool {
	type key struct {
		user, project, organization int64
		name                        string
	}
	var kept sync.Map
	for _, user := range users {
		kept.Store(key{user: user, name: "timezone"}, &userdv1.GetOptionResponse{Found: true})
	}
	return func(index int) bool {
		got, _ := kept.Load(key{user: users[index%len(users)], name: "timezone"})
		return got.(*userdv1.GetOptionResponse).GetFound()
	}
}

func run(read func(int) bool, seconds float64) (calls int, elapsed time.Duration) {
	began := time.Now()
	for elapsed.Seconds() < seconds {
		for range batch {
			if !read(calls) {
				log.Fatal("a read found nothing")
			}
			calls++
		}
		elapsed = time.Since(began)
	}
	return calls, elapsed
}

func main() {
	c, err := client.Dial(os.Args[1], client.Options{Plaintext: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	near := nearcache.Open(c, nearcache.Options{})
	defer near.Close()
	if err := near.Live(context.Background()); err != nil {
		log.Fatal(err)
	}
	var users []int64
	if err := json.Unmarshal([]byte(os.Args[2]), &users); err != nil {
		log.Fatal(err)
	}
	// Answers from before the stream began are not kept.
	for read, isFull := hits(near, users), false; !isFull; {
		before := near.Stats().Misses
		for index := range users {
			if !read(index) {
				log.Fatal("a user without the option")
			}
		}
		isFull = near.Stats().Misses == before
	}
	sides := map[string]func(int) bool{"near": hits(near, users), "plain": plain(users)}
	fmt.Println("ready")
	// A line is a side and the seconds; the answer is the calls, the seconds that they took, and the misses so far.
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		side, seconds, _ := strings.Cut(lines.Text(), " ")
		wanted, err := strconv.ParseFloat(seconds, 64)
		if err != nil || sides[side] == nil {
			log.Fatalf("not a side and seconds: %s", lines.Text())
		}
		before := near.Stats().Misses
		calls, elapsed := run(sides[side], wanted)
		fmt.Println(calls, elapsed.Seconds(), near.Stats().Misses-before)
	}
}
