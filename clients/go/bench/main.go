// The bench of reads that are asked together: many goroutines read options of a service, together or each by a call of its own, for as long as
// they are told, as bench/rows/coalescing.ts does.
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
	"sync/atomic"
	"time"

	"userd.dev/client"
	userdv1 "userd.dev/client/gen/userd/v1"
)

// inFlight is how many reads wait for their answers at any time.
const inFlight = 100

// within is how long a read waits for others.
const within = 200 * time.Microsecond

func dial(address string, coalesce time.Duration) *client.Client {
	c, err := client.Dial(address, client.Options{Plaintext: true, Coalesce: coalesce})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func run(c *client.Client, users []int64, seconds float64) (calls int64, elapsed time.Duration) {
	var next, done atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for range inFlight {
		all.Go(func() {
			for time.Since(began).Seconds() < seconds {
				user := users[int(next.Add(1))%len(users)]
				got, err := c.Options.GetOption(context.Background(), &userdv1.GetOptionRequest{UserId: user, Key: "timezone"})
				if err != nil || !got.GetFound() {
					log.Fatalf("a read found nothing: %v", err)
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return done.Load(), time.Since(began)
}

func main() {
	var users []int64
	if err := json.Unmarshal([]byte(os.Args[2]), &users); err != nil {
		log.Fatal(err)
	}
	sides := map[string]*client.Client{"together": dial(os.Args[1], within), "alone": dial(os.Args[1], 0)}
	fmt.Println("ready")
	// A line is a side and the seconds; the answer is the calls, and the seconds that they took.
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		side, seconds, _ := strings.Cut(lines.Text(), " ")
		wanted, err := strconv.ParseFloat(seconds, 64)
		if err != nil || sides[side] == nil {
			log.Fatalf("not a side and seconds: %s", lines.Text())
		}
		calls, elapsed := run(sides[side], users, wanted)
		fmt.Println(calls, elapsed.Seconds())
	}
}
