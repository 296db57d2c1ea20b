// GetOption and SetOption as a team would write them by hand in Go: grpc-go, pgx, an LRU whose answers live for a bound, and one query for all
// who miss the same answer at once. No access rules, no versions, no change log, no idempotency. Reads its job from standard input, prints its
// address.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/singleflight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	userdv1 "userd.dev/client/gen/userd/v1"
)

// job is what the program is told.
type job struct {
	// URL is the database's, whose user_option is read.
	URL string `json:"url"`
	// Table is the table that is written: the same columns, without triggers.
	Table string `json:"table"`
	// Connections is the size of the pool.
	Connections int `json:"connections"`
	// BoundMs is how old an answer may be, in milliseconds.
	BoundMs int `json:"boundMs"`
	// Entries is the most answers that are kept.
	Entries int `json:"entries"`
}

// question is what GetOption asks for.
type question struct {
	user, project, organization int64
	key                         string
}

// entry is an answer, and the time from before it was read.
type entry struct {
	answer *userdv1.GetOptionResponse
	readAt time.Time
}

// server is the service.
type server struct {
	userdv1.UnimplementedUserOptionServiceServer
	pool    *pgxpool.Pool
	kept    *lru.Cache[question, entry]
	flights singleflight.Group
	bound   time.Duration
	upsert  string
}

const selectOption = `select o.value::text, o.version, o.create_time, o.update_time
	from users u left join user_option o on o.user_id = u.id and o.scope_kind = $2 and o.scope_id = $3 and o.key = $4
		and (o.expire_time is null or o.expire_time > statement_timestamp())
	where u.id = $1`

const upsertOption = `insert into %s as o (user_id, scope_kind, scope_id, key, value) values ($1, $2, $3, $4, $5)
	on conflict (user_id, scope_kind, scope_id, key)
		do update set value = excluded.value, update_time = statement_timestamp(), version = o.version + 1
	returning version, create_time, update_time, xmax = 0`

func isKey(key string) bool {
	if len(key) == 0 || len(key) > 64 {
		return false
	}
	for _, c := range []byte(key) {
		isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !isLetter && c != '_' && c != '.' && c != ':' && c != '-' {
			return false
		}
	}
	return true
}

// asked is the fields that both requests have.
type asked interface {
	GetUserId() int64
	GetKey() string
	GetProjectId() int64
	GetOrganizationId() int64
}

func questionOf(request asked) (question, error) {
	q := question{request.GetUserId(), request.GetProjectId(), request.GetOrganizationId(), request.GetKey()}
	if q.user <= 0 || q.project < 0 || q.organization < 0 || q.project > 0 && q.organization > 0 || !isKey(q.key) {
		return q, status.Error(codes.InvalidArgument, "not an option")
	}
	return q, nil
}

// scope returns the scope as the table has it.
func (q question) scope() (kind int16, id int64) {
	switch {
	case q.organization > 0:
		return 1, q.organization
	case q.project > 0:
		return 2, q.project
	}
	return 0, 0
}

func (q question) option(value *structpb.Value, version int64, created, updated time.Time) *userdv1.UserOption {
	return &userdv1.UserOption{
		UserId: q.user, Key: q.key, Value: value, ProjectId: q.project, OrganizationId: q.organization,
		Etag: strconv.FormatInt(version, 10), CreateTime: timestamppb.New(created), UpdateTime: timestamppb.New(updated),
	}
}

func (s *server) load(ctx context.Context, q question) (*userdv1.GetOptionResponse, error) {
	kind, id := q.scope()
	var text *string
	var version *int64
	var created, updated *time.Time
	err := s.pool.QueryRow(ctx, selectOption, q.user, kind, id, q.key).Scan(&text, &version, &created, &updated)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, status.Error(codes.NotFound, "no such user")
	}
	if err != nil {
		return nil, status.Error(codes.Unavailable, "the database does not answer")
	}
	if text == nil {
		return &userdv1.GetOptionResponse{}, nil
	}
	value := &structpb.Value{}
	if err := value.UnmarshalJSON([]byte(*text)); err != nil {
		return nil, status.Error(codes.Internal, "not a value")
	}
	return &userdv1.GetOptionResponse{Found: true, Value: value, Option: q.option(value, *version, *created, *updated)}, nil
}

// GetOption answers from memory for as long as the bound, and else from the database.
func (s *server) GetOption(ctx context.Context, request *userdv1.GetOptionRequest) (*userdv1.GetOptionResponse, error) {
	q, err := questionOf(request)
	if err != nil {
		return nil, err
	}
	if request.GetConsistency().GetFullyConsistent() {
		return s.load(ctx, q)
	}
	if found, ok := s.kept.Get(q); ok && time.Since(found.readAt) < s.bound {
		return found.answer, nil
	}
	name := fmt.Sprint(q.user, " ", q.project, " ", q.organization, " ", q.key)
	shared, err, _ := s.flights.Do(name, func() (any, error) {
		readAt := time.Now()
		// Others wait for it too: it does not end with the one who came first.
		answer, err := s.load(context.WithoutCancel(ctx), q)
		if err == nil {
			s.kept.Add(q, entry{answer, readAt})
		}
		return answer, err
	})
	if err != nil {
		return nil, err
	}
	return shared.(*userdv1.GetOptionResponse), nil
}

// SetOption stores a value, and forgets the answer that is kept.
func (s *server) SetOption(ctx context.Context, request *userdv1.SetOptionRequest) (*userdv1.SetOptionResponse, error) {
	q, err := questionOf(request)
	if err != nil {
		return nil, err
	}
	text, err := request.GetValue().MarshalJSON()
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "not a value")
	}
	kind, id := q.scope()
	var version int64
	var created, updated time.Time
	var isNew bool
	err = s.pool.QueryRow(ctx, s.upsert, q.user, kind, id, q.key, json.RawMessage(text)).Scan(&version, &created, &updated, &isNew)
	if err != nil {
		return nil, status.Error(codes.Unavailable, "the database does not answer")
	}
	s.kept.Remove(q)
	option := q.option(request.GetValue(), version, created, updated)
	return &userdv1.SetOptionResponse{Option: option, Created: isNew, Changed: true}, nil
}

func run() error {
	var told job
	if err := json.NewDecoder(os.Stdin).Decode(&told); err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(told.URL)
	if err != nil {
		return err
	}
	config.MaxConns = int32(told.Connections)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return err
	}
	kept, err := lru.New[question, entry](told.Entries)
	if err != nil {
		return err
	}
	bound := time.Duration(told.BoundMs) * time.Millisecond
	s := &server{pool: pool, kept: kept, bound: bound, upsert: fmt.Sprintf(upsertOption, pgx.Identifier{told.Table}.Sanitize())}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	grpcServer := grpc.NewServer()
	userdv1.RegisterUserOptionServiceServer(grpcServer, s)
	return grpcServer.Serve(listener)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
