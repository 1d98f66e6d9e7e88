//! The options of the API.

use clap::{Arg, ArgAction, ValueHint};

use super::{
    API, API_CLIENT_CA, API_HOST, API_INSECURE, API_TLS_CERT, API_TLS_KEY, API_TOKEN_FILE,
    COLLECTD_SOCKET, KEYSTONE_PROJECT, KEYSTONE_URL, KEYSTONE_WRITE_ROLE, flag, option,
};

pub fn all() -> Vec<Arg> {
    let host =
        option(API_HOST, "NAME", "Extra host name accepted in the Host header; may be repeated");
    vec![
        option(
            API,
            "ADDRESS",
            "Answer requests at unix:/PATH, 127.0.0.1:PORT or, with TLS, ADDRESS:PORT [default: off]",
        ),
        option(API_TOKEN_FILE, "FILE", "Tokens of the API, a line each: read TOKEN or write TOKEN")
            .value_hint(ValueHint::FilePath),
        host.action(ArgAction::Append),
        option(API_TLS_CERT, "FILE", "Certificate of the API and its chain (PEM): answer with TLS")
            .value_hint(ValueHint::FilePath),
        option(API_TLS_KEY, "FILE", "Private key of --api-tls-cert (PEM)")
            .value_hint(ValueHint::FilePath),
        option(API_CLIENT_CA, "FILE", "Answer only clients with a certificate of this CA (PEM)")
            .value_hint(ValueHint::FilePath),
        flag(API_INSECURE, "Allow an --api address that others can reach without TLS"),
        option(
            KEYSTONE_URL,
            "URL",
            "OpenStack Keystone (v3) that knows the tokens of X-Auth-Token",
        ),
        option(KEYSTONE_PROJECT, "PROJECT", "Project whose tokens may read: its id, or its name"),
        option(KEYSTONE_WRITE_ROLE, "ROLE", "Role in it that may write [default: admin]"),
        option(
            COLLECTD_SOCKET,
            "PATH",
            "Answer collectd's own clients, such as collectdctl, at this socket, an absolute path \
             [default: off]",
        )
        .value_hint(ValueHint::FilePath),
    ]
}
