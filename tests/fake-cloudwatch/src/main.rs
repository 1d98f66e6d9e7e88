//! The fake CloudWatch as a program, for scripts. The first line on stdout is its URL; then comes
//! one line of JSON for each request taken, until it is killed.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use fake_cloudwatch::{Certificate, Datum, FakeCloudWatch, Request};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("fake-cloudwatch: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Err(error) = run(&options);
    eprintln!("fake-cloudwatch: {error}");
    ExitCode::FAILURE
}

const USAGE: &str = "Usage: fake-cloudwatch [--tls --ca-file PATH] [--port N]";

#[derive(Debug, Default)]
struct Options {
    tls: bool,
    /// Where to write the certificate authority to trust.
    ca_file: Option<PathBuf>,
    /// 0: any free port.
    port: u16,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--tls" => options.tls = true,
                "--ca-file" => options.ca_file = Some(value()?.into()),
                "--port" => {
                    let port = value()?;
                    let bad = |_| format!("--port {port}: expected 0 to 65535");
                    options.port = port.parse().map_err(bad)?;
                }
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        if options.tls != options.ca_file.is_some() {
            return Err("--tls and --ca-file need each other".to_owned());
        }
        Ok(options)
    }
}

/// Ends only when stdout is gone.
fn run(options: &Options) -> io::Result<Infallible> {
    let certificate = options.tls.then_some(Certificate::Valid);
    let cloudwatch = FakeCloudWatch::start_on(options.port, certificate)?;
    if let (Some(path), Some(pem)) = (&options.ca_file, cloudwatch.ca_pem()) {
        std::fs::write(path, pem)?;
    }
    // Stdout is buffered by lines, whatever it is connected to: a script sees each at once.
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", cloudwatch.url())?;
    let mut n = 0;
    loop {
        let request = cloudwatch.nth_taken(n);
        writeln!(stdout, "{}", line(&request))?;
        n += 1;
    }
}

fn line(request: &Request) -> Value {
    json!({
        "received": unix_seconds(request.received),
        "wire_bytes": request.wire_bytes,
        "decoded_bytes": request.decoded_bytes,
        "datums": request.data.iter().map(datum).collect::<Vec<_>>(),
    })
}

fn datum(datum: &Datum) -> Value {
    json!({
        "namespace": datum.namespace,
        "name": datum.name,
        "dimensions": datum.dimensions,
        "timestamp": unix_seconds(datum.timestamp),
        "values": datum.values,
        "counts": datum.counts,
        "unit": datum.unit,
        "storage_resolution": datum.storage_resolution,
    })
}

fn unix_seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.expect("what was taken is two weeks old at most").as_secs_f64()
}
