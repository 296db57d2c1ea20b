// A first client of userd: creates a user, sets and reads an option, tells errors apart by their reason, and streams users.
// docs/clients.md says how it is generated and run.

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Value;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Iterator;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import userd.v1.*;

public final class Hello {
    private static final String EMAIL = "hello@example.com";
    private static final int ATTEMPTS = 3;

    /** The detail of an error that has this type, if there is one. */
    private static <T extends Message> Optional<T> detailOf(StatusRuntimeException error, Class<T> type) {
        com.google.rpc.Status status = StatusProto.fromThrowable(error);
        if (status == null) return Optional.empty();
        for (Any detail : status.getDetailsList()) {
            try {
                if (detail.is(type)) return Optional.of(detail.unpack(type));
            } catch (InvalidProtocolBufferException malformed) {
                throw new IllegalStateException(malformed);
            }
        }
        return Optional.empty();
    }

    /** What to decide by; empty when the error is not userd's. */
    private static String reasonOf(StatusRuntimeException error) {
        return detailOf(error, ErrorInfo.class).map(ErrorInfo::getReason).orElse("");
    }

    /** Runs one RPC, and again when the error says after which time that makes sense. */
    private static <A> A call(Supplier<A> rpc) throws InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                return rpc.get();
            } catch (StatusRuntimeException error) {
                Optional<RetryInfo> retry = detailOf(error, RetryInfo.class);
                if (retry.isEmpty() || attempt == ATTEMPTS) throw error;
                com.google.protobuf.Duration delay = retry.get().getRetryDelay();
                Thread.sleep(delay.getSeconds() * 1_000 + delay.getNanos() / 1_000_000);
            }
        }
    }

    /** Returns the user, also when the program has run before. */
    private static User createOrFind(UserServiceGrpc.UserServiceBlockingStub users) throws InterruptedException {
        CreateUserRequest create = CreateUserRequest.newBuilder()
            .setUser(User.newBuilder().setEmail(EMAIL).setName("Ann Example"))
            // A retry with the same one is stored once.
            .setRequestId(UUID.randomUUID().toString())
            .build();
        try {
            return call(() -> users.withDeadlineAfter(3, TimeUnit.SECONDS).createUser(create)).getUser();
        } catch (StatusRuntimeException error) {
            if (!reasonOf(error).equals("USERNAME_TAKEN")) throw error;
        }
        LookupUsersRequest lookup = LookupUsersRequest.newBuilder().addKeys(UserKey.newBuilder().setEmail(EMAIL)).build();
        return call(() -> users.withDeadlineAfter(3, TimeUnit.SECONDS).lookupUsers(lookup)).getResults(0).getUser();
    }

    private static void run(ManagedChannel channel) throws InterruptedException {
        UserServiceGrpc.UserServiceBlockingStub users = UserServiceGrpc.newBlockingStub(channel);
        UserOptionServiceGrpc.UserOptionServiceBlockingStub options = UserOptionServiceGrpc.newBlockingStub(channel);

        User user = createOrFind(users);
        System.out.println(user.getName());

        SetOptionRequest set = SetOptionRequest.newBuilder()
            .setUserId(user.getId())
            .setKey("timezone")
            .setValue(Value.newBuilder().setStringValue("Europe/Vienna"))
            .build();
        SetOptionResponse written = call(() -> options.withDeadlineAfter(3, TimeUnit.SECONDS).setOption(set));
        // With the token the read sees the write, whatever instance answers it.
        GetOptionRequest get = GetOptionRequest.newBuilder()
            .setUserId(user.getId())
            .setKey("timezone")
            .setConsistency(Consistency.newBuilder().setAtLeastAsFresh(written.getConsistencyToken()))
            .build();
        System.out.println(call(() -> options.withDeadlineAfter(3, TimeUnit.SECONDS).getOption(get)).getValue().getStringValue());

        GetOptionRequest nobodys = GetOptionRequest.newBuilder().setUserId(1L << 60).setKey("timezone").build();
        try {
            call(() -> options.withDeadlineAfter(3, TimeUnit.SECONDS).getOption(nobodys));
        } catch (StatusRuntimeException error) {
            System.out.println(reasonOf(error));
        }

        // A stream has no deadline.
        StreamUsersRequest request = StreamUsersRequest.newBuilder().setFilter(UserFilter.newBuilder().addEmails(EMAIL)).build();
        for (Iterator<StreamUsersResponse> responses = users.streamUsers(request); responses.hasNext(); ) {
            System.out.println(responses.next().getUser().getUsername());
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        String address = System.getenv().getOrDefault("USERD_ADDRESS", "127.0.0.1:50051");
        ManagedChannel channel = ManagedChannelBuilder.forTarget(address).usePlaintext().build();
        try {
            run(channel);
        } finally {
            channel.shutdownNow();
        }
    }
}
