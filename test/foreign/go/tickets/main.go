// A client in Go of a team's own kinds, generated from what `userd kinds image` prints: creates, lists by a filter and is
// refused. It prints "ok" at the end. Run by test/foreign/go-kinds.test.ts, as: tickets ADDRESS ORGANIZATION_ID.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	ticketsv1 "userd/gen/acme/tickets/v1"
)

func must[T any](value T, err error) T {
	if err != nil {
		fail("unexpected error: %v", err)
	}
	return value
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func expect(what string, got, want any) {
	if got != want {
		fail("%s: got %v, want %v", what, got, want)
	}
}

func refused(err error, code codes.Code, reason string) {
	expect("code", status.Code(err), code)
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			expect("reason", info.GetReason(), reason)
			return
		}
	}
	fail("the error has no ErrorInfo: %v", err)
}

func main() {
	organization := must(strconv.ParseInt(os.Args[2], 10, 64))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	connection := must(grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials())))
	defer connection.Close()
	tickets := ticketsv1.NewTicketServiceClient(connection)

	create := func(number string) (*ticketsv1.CreateTicketResponse, error) {
		return tickets.CreateTicket(ctx, &ticketsv1.CreateTicketRequest{
			Ticket: &ticketsv1.Ticket{OrganizationId: organization, Number: proto.String(number)},
		})
	}
	first := must(create("GO-1")).GetTicket()
	must(create("GO-2"))
	_, err := create("GO-1")
	refused(err, codes.AlreadyExists, "RESOURCE_TAKEN")
	_, err = tickets.GetTicket(ctx, &ticketsv1.GetTicketRequest{Key: &ticketsv1.GetTicketRequest_Id{Id: 1 << 60}})
	refused(err, codes.NotFound, "RESOURCE_NOT_FOUND")

	updated := must(tickets.UpdateTicket(ctx, &ticketsv1.UpdateTicketRequest{
		Ticket:     &ticketsv1.Ticket{Id: first.GetId(), Order: proto.Int32(7), Etag: first.GetEtag()},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"order"}},
	})).GetTicket()
	expect("the number is left alone", updated.GetNumber(), "GO-1")

	found := must(tickets.ListTickets(ctx, &ticketsv1.ListTicketsRequest{
		OrganizationId: organization, Filter: `number.startsWith("GO-") && !(order == 7)`,
	})).GetTickets()
	expect("tickets found", len(found), 1)
	expect("its number", found[0].GetNumber(), "GO-2")
	_, err = tickets.ListTickets(ctx, &ticketsv1.ListTicketsRequest{OrganizationId: organization, Filter: "number =="})
	refused(err, codes.InvalidArgument, "FIELD_INVALID")
	fmt.Println("ok")
}
