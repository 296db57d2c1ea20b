// Package client is a typed client of userd, the users and preferences service, with defaults that are right: deadlines, retries,
// keepalive, tokens that are carried from writes to reads, and errors with their reason.
package client

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	userdv1 "userd.dev/client/gen/userd/v1"
)

const (
	// Under the 5 min after which the service closes a connection that nobody uses, so that no call meets the end of one.
	idle = 4 * time.Minute
	// As often as the service pings, which notices a connection that is gone without a word.
	ping        = 30 * time.Second
	pingTimeout = 10 * time.Second
	// gRPC's own wait between two attempts to connect grows to 2 min: after an outage of a minute a client would stay away for most of another.
	firstReconnect   = 100 * time.Millisecond
	longestReconnect = 5 * time.Second
	connectTimeout   = 5 * time.Second
)

// reconnects says how soon a connection that was lost is made again.
var reconnects = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: firstReconnect, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestReconnect},
	MinConnectTimeout: connectTimeout,
}

// Options are the options of Dial. The zero value of each means its default.
type Options struct {
	// Token returns the token of the caller, as SECURITY.md says; it is asked at each attempt. Nil = none.
	Token func(context.Context) (string, error)
	// TLS is the configuration of TLS. Nil = the system's CAs, and no TLS where the host is this machine.
	TLS *tls.Config
	// Plaintext turns TLS off for other hosts too.
	Plaintext bool
	// Deadlines are the deadlines of calls whose context has none. Default: DefaultDeadlines.
	Deadlines *Deadlines
	// Retries says how failed calls are sent again. Default: DefaultRetries.
	Retries *Retries
	// NoRequestIDs leaves writes without a request_id, so that none is sent again when nobody knows what became of it.
	NoRequestIDs bool
	// ReadYourWrites is how long reads see this client's writes for certain; below 0 = carry no tokens. Default: 30 s, the longest bound
	// of a service.
	ReadYourWrites time.Duration
	// Coalesce is how long GetOption, GetUser and CheckAccess wait for others, with the same metadata and consistency, to be asked by one
	// call together, such as 200 µs. 0 = each is a call of its own.
	Coalesce time.Duration
	// Dial are further options of gRPC.
	Dial []grpc.DialOption
}

// Client is the clients of the services of userd, over one connection.
type Client struct {
	Users         userdv1.UserServiceClient
	Options       userdv1.UserOptionServiceClient
	Organizations userdv1.OrganizationServiceClient
	Profiles      userdv1.ProfileServiceClient
	Changes       userdv1.ChangeServiceClient
	// Conn is the connection, for the clients of other services, such as those of kinds.
	Conn *grpc.ClientConn

	mu        sync.Mutex
	listeners []*func(Named)
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bearer adds the token of the caller to calls, over TLS and on this machine.
type bearer struct {
	token    func(context.Context) (string, error)
	isSecure bool
}

func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b.token(ctx)
	return map[string]string{"authorization": "Bearer " + token}, err
}

func (b bearer) RequireTransportSecurity() bool { return b.isSecure }

// Dial makes a client of the service at HOST:PORT. The connection is made by the first call, and made again whenever it is lost.
func Dial(address string, options Options) (*Client, error) {
	secured := options.TLS != nil || !options.Plaintext && !isLoopback(address)
	transport := insecure.NewCredentials()
	if secured {
		transport = credentials.NewTLS(options.TLS)
	}
	deadlines, retries, keep := DefaultDeadlines, DefaultRetries, options.ReadYourWrites
	if options.Deadlines != nil {
		deadlines = *options.Deadlines
	}
	if options.Retries != nil {
		retries = *options.Retries
	}
	if keep == 0 {
		keep = 30 * time.Second
	}
	c := &Client{}
	unary := []grpc.UnaryClientInterceptor{withDeadline(deadlines), carryTokens(newWrites(keep, time.Now), c.wrote)}
	if !options.NoRequestIDs {
		unary = append(unary, nameWrites)
	}
	if options.Coalesce > 0 {
		unary = append(unary, coalesce(options.Coalesce, options.Token))
	}
	dial := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: ping, Timeout: pingTimeout}),
		grpc.WithConnectParams(reconnects),
		grpc.WithIdleTimeout(idle),
		grpc.WithChainStreamInterceptor(typeStreams),
		// The retries above know the service's reasons; those of gRPC know codes only.
		grpc.WithDisableRetry(),
	}
	if options.Token != nil {
		dial = append(dial, grpc.WithPerRPCCredentials(bearer{options.Token, secured}))
	}
	ours := grpc.WithChainUnaryInterceptor(append(unary, retry(retries))...)
	if options.Coalesce > 0 {
		// An interceptor of the caller's that adds to a call what its context has does so before calls are put together.
		dial = append(append(dial, options.Dial...), ours)
	} else {
		dial = append(append(dial, ours), options.Dial...)
	}
	conn, err := grpc.NewClient(address, dial...)
	if err != nil {
		return nil, err
	}
	c.Conn = conn
	c.Users = userdv1.NewUserServiceClient(conn)
	c.Options = userdv1.NewUserOptionServiceClient(conn)
	c.Organizations = userdv1.NewOrganizationServiceClient(conn)
	c.Profiles = userdv1.NewProfileServiceClient(conn)
	c.Changes = userdv1.NewChangeServiceClient(conn)
	return c, nil
}

// StaticToken returns a token that never changes, for Options.
func StaticToken(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// Close closes the connection; calls that are open fail.
func (c *Client) Close() error { return c.Conn.Close() }

// OnWrite calls a function after each write that this client has made, with what the write named; the function that it returns stops that.
func (c *Client) OnWrite(listener func(Named)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	added := &listener
	c.listeners = append(slices.Clip(c.listeners), added)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.listeners = slices.DeleteFunc(slices.Clone(c.listeners), func(one *func(Named)) bool { return one == added })
	}
}

func (c *Client) wrote(named Named) {
	c.mu.Lock()
	listeners := c.listeners
	c.mu.Unlock()
	for _, listener := range listeners {
		(*listener)(named)
	}
}
