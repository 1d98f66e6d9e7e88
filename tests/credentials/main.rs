//! Where region and credentials come from, and through which proxy, with the services that give
//! them at their real addresses, in a network of its own that leads nowhere.

mod aws;
mod instance;
mod metadata;
mod namespace;
mod proxies;
mod roles;
mod runs;

use std::process::ExitCode;
use std::thread;

type Case = (&'static str, fn());

/// A case that is missing here is dead code, which the compiler reports.
macro_rules! cases {
    ($($module:ident::$name:ident,)*) => { [$((stringify!($name), $module::$name)),*] };
}

const CASES: [Case; 28] = cases![
    roles::a_task_publishes_with_the_role_of_the_task,
    roles::a_task_without_a_role_leaves_that_of_the_instance_alone,
    roles::a_task_without_a_region_does_not_ask_the_instance,
    roles::a_profile_assumes_its_role,
    roles::a_web_identity_becomes_a_role,
    roles::credentials_without_an_end_are_given_up,
    instance::an_instance_gives_region_and_role,
    instance::its_region_and_session_token_sign_the_request,
    instance::its_region_names_the_endpoint,
    instance::sampling_goes_on_while_the_metadata_service_hangs,
    instance::a_hanging_metadata_service_cannot_hold_up_the_exit,
    instance::an_instance_gives_its_names_to_whoever_has_a_token,
    instance::a_name_that_the_instance_does_not_tell_is_left_out,
    instance::a_hanging_metadata_service_costs_the_names_and_no_window,
    metadata::a_variable_names_the_metadata_service_for_all_that_ask_it,
    metadata::a_variable_names_the_metadata_service_of_ipv6,
    metadata::a_metadata_service_that_is_turned_off_is_asked_for_nothing,
    metadata::a_variable_that_names_no_metadata_service_is_told,
    proxies::each_variable_names_the_proxy_for_https,
    proxies::the_proxy_needs_no_scheme,
    proxies::exceptions_go_direct,
    proxies::a_proxy_for_http_is_not_used_for_https,
    proxies::the_password_reaches_the_proxy_and_nothing_else,
    proxies::a_task_role_is_fetched_past_the_proxy,
    proxies::an_instance_role_is_fetched_past_the_proxy,
    proxies::the_endpoint_that_the_variables_ask_for_is_the_one_that_is_sent_to,
    proxies::a_proxy_that_refuses_is_an_error_and_not_a_hang,
    proxies::a_proxy_that_is_no_url_is_named_by_its_variable,
];

/// libtest runs its tests side by side, but there is only one 169.254.169.254 to listen on. So
/// this stands in for it: the same output, a filter, and `--list`.
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let filters: Vec<_> = arguments.iter().filter(|text| !text.starts_with('-')).collect();
    let wanted = |(name, _): &&Case| {
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
    };
    let cases: Vec<_> = CASES.iter().filter(wanted).collect();
    if arguments.iter().any(|text| text == "--list") {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    // A filter that means tests of another file.
    if cases.is_empty() {
        return run(&cases);
    }
    match namespace::enter() {
        Ok(()) => run(&cases),
        Err(reason) => not_run(&reason),
    }
}

fn run(cases: &[&Case]) -> ExitCode {
    println!("\nrunning {} tests", cases.len());
    let mut failed = 0;
    for &&(name, case) in cases {
        // Temporary files and messages bear the name of the thread, as libtest names it.
        let thread = thread::Builder::new().name(name.to_owned()).spawn(case);
        let passed = thread.expect("a thread can be started").join().is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        if failed == 0 { "ok" } else { "FAILED" },
        cases.len() - failed,
        CASES.len() - cases.len(),
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// A check that cannot run says so; where everything is meant to be checked, it has failed.
fn not_run(reason: &str) -> ExitCode {
    let strict = cfg!(target_os = "linux") && std::env::var("CI").is_ok_and(|ci| ci == "true");
    let verdict = if strict { "FAILED: CI is true, so they must run" } else { "SKIPPED" };
    eprintln!("\n*** THE TESTS OF CREDENTIALS AND PROXIES DID NOT RUN ***\n{reason}\n{verdict}\n");
    if strict { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

/// As of a test binary of libtest.
const FAILED: u8 = 101;
