//! Generates the client from `proto/`, beside this file. protox compiles protos without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut services = Vec::new();
    for entry in std::fs::read_dir("proto/userd/v1")? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with("_service.proto") {
            services.push(path);
        }
    }
    services.sort();
    println!("cargo::rerun-if-changed=proto");
    tonic_prost_build::configure()
        .build_server(false)
        .include_file("protos.rs")
        .compile_fds(protox::compile(services, ["proto"])?)?;
    Ok(())
}
