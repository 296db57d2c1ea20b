"""A client of the tickets that userd serves.

README.md beside it says how the client is generated and run: `python tickets.py COMMAND`, with tour, write or vote.
"""

import os
import signal
import sys

import grpc
from google.protobuf import field_mask_pb2

from acme.tickets.v1 import ticket_pb2, ticket_service_pb2 as messages, ticket_service_pb2_grpc

# The first organization and the first user of a new database.
ORGANIZATION = 1
ANN = 1
DEADLINE_SECONDS = 10


def update(tickets, ticket, path):
    """Changes one field of a ticket; what the mask does not name stays as it is."""
    request = messages.UpdateTicketRequest(ticket=ticket, update_mask=field_mask_pb2.FieldMask(paths=[path]))
    return tickets.UpdateTicket(request, timeout=DEADLINE_SECONDS).ticket


def tour(tickets):
    """Creates three tickets, finds Ann's open ones, and closes one."""
    for number, title, owner in ("T-1", "Water the plants", ANN), ("T-2", "Feed the cat", ANN), ("T-3", "Sleep", None):
        ticket = ticket_pb2.Ticket(organization_id=ORGANIZATION, number=number, title=title, owner_user_id=owner)
        tickets.CreateTicket(messages.CreateTicketRequest(ticket=ticket), timeout=DEADLINE_SECONDS)

    mine = f"status == TICKET_STATUS_OPEN && owner_user_id == {ANN}"
    request = messages.ListTicketsRequest(organization_id=ORGANIZATION, filter=mine)
    found = tickets.ListTickets(request, timeout=DEADLINE_SECONDS).tickets
    for ticket in found:
        print(ticket.number, ticket.title)

    closed = update(tickets, ticket_pb2.Ticket(id=found[0].id, status=ticket_pb2.TICKET_STATUS_DONE), "status")
    print(closed.number, ticket_pb2.TicketStatus.Name(closed.status), closed.title)


def write(tickets):
    """Creates tickets, one after the other, until SIGTERM; ends with 1 if a call failed."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    written = failed = 0
    while not stopped:
        ticket = ticket_pb2.Ticket(organization_id=ORGANIZATION, number=f"W-{written + failed}")
        try:
            tickets.CreateTicket(messages.CreateTicketRequest(ticket=ticket), timeout=DEADLINE_SECONDS)
            written += 1
            if written == 1:
                print("writing", flush=True)
        except grpc.RpcError as error:
            failed += 1
            print(error, file=sys.stderr)
    print(f"{failed} calls failed")
    sys.exit(failed > 0)


def vote(tickets):
    """Gives two tickets votes, which only the newer client has, and lists those with the most."""
    for number, votes in ("T-1", 2), ("T-3", 5):
        key = {"organization_id": ORGANIZATION, "number": number}
        found = tickets.GetTicket(messages.GetTicketRequest(number=key), timeout=DEADLINE_SECONDS).ticket
        update(tickets, ticket_pb2.Ticket(id=found.id, votes=votes), "votes")
    request = messages.ListTicketsRequest(organization_id=ORGANIZATION, order_by="votes desc", page_size=2)
    for ticket in tickets.ListTickets(request, timeout=DEADLINE_SECONDS).tickets:
        print(ticket.number, ticket.votes)


if __name__ == "__main__":
    with grpc.insecure_channel(os.environ.get("USERD_ADDRESS", "127.0.0.1:50051")) as channel:
        {"tour": tour, "write": write, "vote": vote}[sys.argv[1]](ticket_service_pb2_grpc.TicketServiceStub(channel))
