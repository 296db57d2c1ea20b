// The foreign client in Java: creates a user, sets and reads options, and checks what errors say. It prints "ok" at the end;
// anything else on the way is a failure. Run by test/foreign/java.test.ts, as: Client SERVICE REFUSING SUFFIX REASON,
// where REFUSING is the server of test/server/refusing.ts, and REASON the one of what this port does not know. With USERD_CA it calls
// SERVICE alone, over TLS, and trusts that file; USERD_CERT and USERD_KEY are the certificate that it shows.

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import userd.v1.*;

public final class Client {
  private static void expect(String what, Object got, Object want) {
    if (!Objects.equals(got, want)) throw new AssertionError(what + ": got " + got + ", want " + want);
  }

  private static Value text(String string) {
    return Value.newBuilder().setStringValue(string).build();
  }

  private record Refusal(ErrorInfo info, List<String> fields) {}

  /** What the error says besides its code: the ErrorInfo and the fields of the BadRequest; it never asks for a retry. */
  private static Refusal refused(String what, Runnable call, Status.Code code, String reason) {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      expect(what + ", the code of " + error.getStatus(), error.getStatus().getCode(), code);
      ErrorInfo info = ErrorInfo.getDefaultInstance();
      List<String> fields = new ArrayList<>();
      try {
        for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
          if (detail.is(ErrorInfo.class)) info = detail.unpack(ErrorInfo.class);
          if (detail.is(BadRequest.class)) {
            detail.unpack(BadRequest.class).getFieldViolationsList().forEach(violation -> fields.add(violation.getField()));
          }
          expect(what + ", a detail that asks for a retry", detail.is(RetryInfo.class), false);
        }
      } catch (InvalidProtocolBufferException unreadable) {
        throw new AssertionError(what + ": a detail that can't be read", unreadable);
      }
      expect(what + ", the reason", info.getReason(), reason);
      expect(what + ", the domain", info.getDomain(), reason.isEmpty() ? "" : "userd.v1");
      return new Refusal(info, fields);
    }
    throw new AssertionError(what + ": was not refused");
  }

  private static final Marshaller<byte[]> BYTES = new Marshaller<>() {
    @Override
    public InputStream stream(byte[] bytes) {
      return new ByteArrayInputStream(bytes);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  };

  /** A call that no stub makes: any bytes to any method. */
  private static void send(Channel channel, String method, byte[] bytes) {
    MethodDescriptor<byte[], byte[]> raw = MethodDescriptor.newBuilder(BYTES, BYTES)
        .setType(MethodType.UNARY)
        .setFullMethodName(method)
        .build();
    ClientCalls.blockingUnaryCall(channel, raw, CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS), bytes);
  }

  private static void useUsers(Channel channel, String suffix) {
    var users = UserServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
    String email = "java-" + suffix + "@example.com";
    User user = users.createUser(CreateUserRequest.newBuilder()
        .setUser(User.newBuilder().setEmail(email).setName("Jävä Пример"))
        .build()).getUser();
    expect("username", user.getUsername(), email);
    User updated = users.updateUser(UpdateUserRequest.newBuilder()
        .setUser(User.newBuilder().setId(user.getId()).setName(""))
        .build()).getUser();
    expect("a name set to empty", updated.getName(), "");
    expect("the address is left alone", updated.getEmail(), email);
    expect("read again", users.getUser(GetUserRequest.newBuilder().setId(user.getId()).build()).getUser().getId(), user.getId());
    var found = users.lookupUsers(LookupUsersRequest.newBuilder()
        .addKeys(UserKey.newBuilder().setEmail(email.toUpperCase()))
        .addKeys(UserKey.newBuilder().setUsername("nobody-" + suffix))
        .build()).getResultsList();
    expect("found", found.get(0).getStatus(), LookupStatus.LOOKUP_STATUS_FOUND);
    expect("its id", found.get(0).getUser().getId(), user.getId());
    expect("not found", found.get(1).getStatus(), LookupStatus.LOOKUP_STATUS_NOT_FOUND);
    int listed = users.listUsers(ListUsersRequest.newBuilder().setPageSize(5).build()).getUsersCount();
    expect("a page of users is there", listed >= 1 && listed <= 5, true);
    Iterator<StreamUsersResponse> stream = users.streamUsers(StreamUsersRequest.getDefaultInstance());
    expect("a stream of users", stream.next().getUser().getId() > 0, true);
    while (stream.hasNext()) stream.next();
    refused("a name that is taken", () -> users.createUser(CreateUserRequest.newBuilder()
        .setUser(User.newBuilder().setUsername(email)).build()), Status.Code.ALREADY_EXISTS, "USERNAME_TAKEN");
    useOptions(channel, user.getId());
  }

  private static void useOptions(Channel channel, long id) {
    var options = UserOptionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
    Value value = Value.newBuilder().setStructValue(Struct.newBuilder()
        .putFields("zone", text("Europe/Vienna"))
        .putFields("none", Value.newBuilder().setNullValue(NullValue.NULL_VALUE).build())
        .putFields("half", Value.newBuilder().setNumberValue(0.5).build())).build();
    var set = SetOptionRequest.newBuilder().setUserId(id).setKey("java").setValue(value).setProjectId(7);
    SetOptionResponse written = options.setOption(set.build());
    expect("created", written.getCreated(), true);
    expect("the same again", options.setOption(set.build()).getChanged(), false);
    GetOptionResponse got = options.getOption(GetOptionRequest.newBuilder().setUserId(id).setKey("java").setProjectId(7)
        .setConsistency(Consistency.newBuilder().setAtLeastAsFresh(written.getConsistencyToken())).build());
    expect("the value", got.getValue(), value);
    BatchSetOptionsRequest.Builder batch = BatchSetOptionsRequest.newBuilder();
    for (int index = 1; index <= 50; index += 1) {
      batch.addEntries(OptionEntry.newBuilder().setUserId(id).setKey("batch." + index).setValue(text("v" + index)));
    }
    expect("a batch", options.batchSetOptions(batch.build()).getResultsCount(), 50);
    var all = options.listOptions(ListOptionsRequest.newBuilder().setUserId(id)
        .setConsistency(Consistency.newBuilder().setFullyConsistent(true)).build());
    expect("the options of the global scope", all.getOptionsCount(), 50);

    var get = GetOptionRequest.newBuilder().setKey("java");
    refused("nobody's option", () -> options.getOption(get.setUserId(1L << 60).build()), Status.Code.NOT_FOUND, "USER_NOT_FOUND");
    refused("two scopes", () -> options.getOption(get.setUserId(id).setProjectId(1).setOrganizationId(1).build()),
        Status.Code.INVALID_ARGUMENT, "OPTION_SCOPE_CONFLICT");
    Refusal key = refused("a key with a space", () -> options.getOption(GetOptionRequest.newBuilder().setUserId(id).setKey("a b").build()),
        Status.Code.INVALID_ARGUMENT, "FIELD_INVALID");
    expect("the field", key.fields(), List.of("key"));
    Refusal stale = refused("an old etag", () -> options.setOption(set.setEtag("0.0").build()), Status.Code.ABORTED, "ETAG_MISMATCH");
    expect("the current etag", stale.info().getMetadataOrThrow("etag"), written.getOption().getEtag());
    refused("a value of 70 kB", () -> options.setOption(SetOptionRequest.newBuilder().setUserId(id).setKey("java")
        .setValue(text("x".repeat(70_000))).build()), Status.Code.INVALID_ARGUMENT, "OPTION_VALUE_TOO_LARGE");
  }

  /** What is answered before the request has ended, or without an operation. */
  private static void beRefused(Channel channel, String ofRouting) {
    var options = UserOptionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
    SetOptionRequest large = SetOptionRequest.newBuilder().setUserId(7).setKey("large").setValue(text("x".repeat(1_100_000))).build();
    for (int again = 0; again < 5; again += 1) {
      refused("1.1 MB", () -> options.setOption(large), Status.Code.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE");
    }
    byte[] valid = GetOptionRequest.newBuilder().setUserId(7).setKey("k").build().toByteArray();
    refused("an unknown method", () -> send(channel, "userd.v1.UserOptionService/Nope", valid), Status.Code.UNIMPLEMENTED, ofRouting);
    refused("an unknown service", () -> send(channel, "userd.v1.Nope/GetOption", valid), Status.Code.UNIMPLEMENTED, ofRouting);
    refused("an unknown method, and 1.1 MB", () -> send(channel, "userd.v1.UserOptionService/Nope", large.toByteArray()),
        Status.Code.UNIMPLEMENTED, ofRouting);
    refused("a malformed message", () -> send(channel, "userd.v1.UserOptionService/GetOption", new byte[] {-1, -1, -1}),
        Status.Code.INVALID_ARGUMENT, "FIELD_INVALID");
    refused("an empty message", () -> send(channel, "userd.v1.UserOptionService/GetOption", new byte[0]),
        Status.Code.INVALID_ARGUMENT, "FIELD_INVALID");
  }

  private static Channel as(Channel channel, String token) {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** Sends users for as long as nobody answers. */
  private static void importEndlessly(Channel channel) {
    CompletableFuture<Void> answered = new CompletableFuture<>();
    var requests = UserServiceGrpc.newStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS).importUsers(new StreamObserver<>() {
      @Override
      public void onNext(ImportUsersResponse response) {
        answered.complete(null);
      }

      @Override
      public void onError(Throwable error) {
        answered.completeExceptionally(error);
      }

      @Override
      public void onCompleted() {}
    });
    try {
      for (int index = 0; !answered.isDone(); index += 1) {
        requests.onNext(ImportUsersRequest.newBuilder().setUser(User.newBuilder().setUsername("user-" + index)).build());
        Thread.sleep(5);
      }
      answered.join();
    } catch (CompletionException error) {
      throw (StatusRuntimeException) error.getCause();
    } catch (InterruptedException error) {
      throw new AssertionError(error);
    }
  }

  /** Streams that are refused or fail, and deadlines. */
  private static void stream(Channel channel) {
    Channel allowed = as(channel, "canary-all");
    refused("a stream of requests without permission", () -> importEndlessly(as(channel, "canary-none")),
        Status.Code.PERMISSION_DENIED, "PERMISSION_REQUIRED");
    refused("a stream of requests of nobody", () -> importEndlessly(channel), Status.Code.UNAUTHENTICATED, "CREDENTIALS_REQUIRED");

    List<Long> received = new ArrayList<>();
    refused("a stream that fails behind its messages", () -> UserServiceGrpc.newBlockingStub(allowed)
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .streamUsers(StreamUsersRequest.getDefaultInstance())
        .forEachRemaining(response -> received.add(response.getUser().getId())), Status.Code.RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE");
    expect("the messages before the error", received.size(), 100);
    expect("the last of them", received.get(99), 100L);

    ListOptionsRequest list = ListOptionsRequest.newBuilder().setUserId(7).build();
    try {
      UserOptionServiceGrpc.newBlockingStub(allowed).withDeadlineAfter(300, TimeUnit.MILLISECONDS).listOptions(list);
      throw new AssertionError("an operation that waits for ever: was answered");
    } catch (StatusRuntimeException error) {
      expect("the deadline", error.getStatus().getCode(), Status.Code.DEADLINE_EXCEEDED);
    }
  }

  private static void callSecurely(String target, String suffix, String ca) throws IOException {
    var credentials = TlsChannelCredentials.newBuilder().trustManager(new File(ca));
    String cert = System.getenv("USERD_CERT");
    if (cert != null) credentials.keyManager(new File(cert), new File(System.getenv("USERD_KEY")));
    ManagedChannel service = Grpc.newChannelBuilder(target, credentials.build()).build();
    try {
      useUsers(service, suffix);
      System.out.println("ok");
    } finally {
      service.shutdownNow();
    }
  }

  public static void main(String[] args) throws InterruptedException, IOException {
    String ca = System.getenv("USERD_CA");
    if (ca != null) {
      callSecurely(args[0], args[2], ca);
      return;
    }
    ManagedChannel service = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    ManagedChannel refusing = ManagedChannelBuilder.forTarget(args[1]).usePlaintext().build();
    try {
      useUsers(service, args[2]);
      beRefused(service, args[3]);
      stream(refusing);
      System.out.println("ok");
    } finally {
      service.shutdownNow();
      refusing.shutdownNow();
    }
  }
}
