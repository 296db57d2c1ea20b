//! A first client of userd: creates a user, sets and reads an option, tells errors apart by their reason, and streams users.
//! docs/clients.md says how it is generated and run.

use std::time::Duration;

use prost_types::{Value, value::Kind};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt;

#[allow(dead_code)]
mod protos {
    tonic::include_proto!("protos");
}
use protos::users::v1::user_option_service_client::UserOptionServiceClient;
use protos::users::v1::user_service_client::UserServiceClient;
use protos::users::v1::*;

const EMAIL: &str = "hello@example.com";
const ATTEMPTS: u32 = 3;

/// What to decide by; empty when the error is not userd's.
fn reason_of(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Runs one RPC with a deadline, and again when the error says after which time that makes sense.
async fn call<Q: Clone, A>(request: Q, mut rpc: impl AsyncFnMut(Request<Q>) -> Result<Response<A>, Status>) -> Result<A, Status> {
    let mut attempt = 1;
    loop {
        let mut one = Request::new(request.clone());
        one.set_timeout(Duration::from_secs(3));
        let status = match rpc(one).await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) => status,
        };
        match status.get_details_retry_info().and_then(|retry| retry.retry_delay) {
            Some(delay) if attempt < ATTEMPTS => tokio::time::sleep(delay).await,
            _ => return Err(status),
        }
        attempt += 1;
    }
}

/// Returns the user, also when the program has run before.
async fn create_or_find(users: &mut UserServiceClient<Channel>) -> Result<User, Box<dyn std::error::Error>> {
    let create = CreateUserRequest {
        user: Some(User { email: Some(EMAIL.into()), name: Some("Ann Example".into()), ..Default::default() }),
        // A retry with the same one is stored once.
        request_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    };
    match call(create, async |request| users.create_user(request).await).await {
        Ok(created) => return created.user.ok_or("no user".into()),
        Err(status) if reason_of(&status) == "USERNAME_TAKEN" => {}
        Err(status) => return Err(status.into()),
    }
    let key = UserKey { key: Some(user_key::Key::Email(EMAIL.into())) };
    let lookup = LookupUsersRequest { keys: vec![key], ..Default::default() };
    let mut found = call(lookup, async |request| users.lookup_users(request).await).await?;
    found.results.pop().and_then(|result| result.user).ok_or("no user".into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("USERD_ADDRESS").unwrap_or("127.0.0.1:50051".into());
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let mut users = UserServiceClient::new(channel.clone());
    let mut options = UserOptionServiceClient::new(channel);

    let user = create_or_find(&mut users).await?;
    println!("{}", user.name());

    let value = Value { kind: Some(Kind::StringValue("Europe/Vienna".into())) };
    let set = SetOptionRequest { user_id: user.id, key: "timezone".into(), value: Some(value), ..Default::default() };
    let written = call(set, async |request| options.set_option(request).await).await?;
    // With the token the read sees the write, whatever instance answers it.
    let mode = consistency::Mode::AtLeastAsFresh(written.consistency_token);
    let consistency = Consistency { mode: Some(mode), ..Default::default() };
    let get = GetOptionRequest { user_id: user.id, key: "timezone".into(), consistency: Some(consistency), ..Default::default() };
    let got = call(get, async |request| options.get_option(request).await).await?;
    if let Some(Value { kind: Some(Kind::StringValue(text)) }) = got.value {
        println!("{text}");
    }

    let nobodys = GetOptionRequest { user_id: 1 << 60, key: "timezone".into(), ..Default::default() };
    if let Err(status) = call(nobodys, async |request| options.get_option(request).await).await {
        println!("{}", reason_of(&status));
    }

    // A stream has no deadline; dropping it ends it.
    let filter = UserFilter { emails: vec![EMAIL.into()], ..Default::default() };
    let request = StreamUsersRequest { filter: Some(filter), ..Default::default() };
    let mut stream = users.stream_users(request).await?.into_inner();
    while let Some(response) = stream.message().await? {
        println!("{}", response.user.unwrap_or_default().username());
    }
    Ok(())
}
