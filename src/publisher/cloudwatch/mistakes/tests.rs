//! Each mistake, and that there is none where all is well.

use std::collections::HashMap;

use super::*;

/// The mistakes of an environment with files; a file without text cannot be read.
fn found(variables: &[(&str, &str)], files: &[(&str, Option<&[u8]>)]) -> Mistakes {
    found_with(None, variables, files)
}

fn found_with(
    profile: Option<&str>,
    variables: &[(&str, &str)],
    files: &[(&str, Option<&[u8]>)],
) -> Mistakes {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let files: HashMap<_, _> = files.iter().copied().collect();
    let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    let read = |path: &Path| match files.get(path.to_str().expect("paths of tests are text")) {
        Some(Some(bytes)) => Ok(bytes.to_vec()),
        Some(None) => Err(io::ErrorKind::PermissionDenied.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    find(Place { variable: &variable, read: &read, profile })
}

fn of_files(mistakes: &Mistakes) -> &str {
    match &mistakes.of_files[..] {
        [only] => only,
        _ => unreachable!("{mistakes:?}"),
    }
}

const GOOD: &[u8] = b"[default]\naws_access_key_id = a\naws_secret_access_key = b\n";

#[test]
fn nothing_is_wrong_where_nothing_is_said_or_all_is_well() {
    assert_eq!(found(&[], &[]), Mistakes::default());
    assert_eq!(found(&[("HOME", "/h")], &[("/h/.aws/config", Some(GOOD))]), Mistakes::default());
    let pair = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    assert_eq!(found(&pair, &[]), Mistakes::default());
    let identity = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn")];
    assert_eq!(found(&identity, &[("/t", Some(b"token\n"))]), Mistakes::default());
}

#[test]
fn a_named_file_has_to_be_there_and_a_default_one_to_be_readable() {
    let named = [("AWS_CONFIG_FILE", "/x")];
    assert_eq!(
        of_files(&found(&named, &[])),
        "AWS_CONFIG_FILE \"/x\" cannot be read: entity not found: name a readable file, or unset AWS_CONFIG_FILE"
    );
    let home = found(&[("HOME", "/h")], &[("/h/.aws/credentials", None)]);
    assert_eq!(of_files(&home), "/h/.aws/credentials cannot be read: permission denied");
    let home = found(&[("HOME", "/h"), ("AWS_CONFIG_FILE", "~/c")], &[("/h/c", None)]);
    assert!(of_files(&home).starts_with("AWS_CONFIG_FILE \"~/c\" cannot be read: "));
}

#[test]
fn garbage_is_named_by_its_file() {
    for (garbage, wrong) in [
        (&b"hello"[..], ": could not parse profile file: error parsing /x on line 1: "),
        (b"[default\nregion = x", ": could not parse profile file: error parsing /x on line 1: "),
        (
            b"\xef\xbb\xbf[default]\nregion = x",
            ": could not parse profile file: error parsing /x on line 1: ",
        ),
        (b"\xff\xfe[\0d\0", " is not UTF-8 text: save it as UTF-8"),
    ] {
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            let mistakes = found(&[(variable, "/x")], &[("/x", Some(garbage))]);
            assert!(of_files(&mistakes).starts_with(&format!("{variable} \"/x\"{wrong}")));
        }
    }
}

#[test]
fn half_a_key_pair() {
    for (variables, text) in [
        (
            &[("AWS_ACCESS_KEY_ID", "a")][..],
            "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both, or none",
        ),
        (
            &[("AWS_SECRET_ACCESS_KEY", "a")],
            "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID: set both, or none",
        ),
        (
            &[("AWS_SESSION_TOKEN", "a")],
            "AWS_SESSION_TOKEN is set without AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set both, or none",
        ),
    ] {
        assert_eq!(found(variables, &[]).of_credentials, [text]);
    }
    let config = b"[default]\naws_access_key_id = a\n";
    let mistakes = found(&[("AWS_CONFIG_FILE", "/x")], &[("/x", Some(config))]);
    let text =
        "profile \"default\" has aws_access_key_id without aws_secret_access_key: expected both";
    assert_eq!(mistakes.of_credentials, [text]);
}

#[test]
fn tokens_that_are_not_there() {
    let identity = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
    let role = ("AWS_ROLE_ARN", "arn");
    let text = |files: &[(&str, Option<&[u8]>)]| found(&[identity, role], files).of_credentials;
    let start = "AWS_WEB_IDENTITY_TOKEN_FILE \"/t\" ";
    let end = ": expected a file with a token";
    assert_eq!(text(&[]), [format!("{start}cannot be read: entity not found{end}")]);
    assert_eq!(text(&[("/t", None)]), [format!("{start}cannot be read: permission denied{end}")]);
    assert_eq!(text(&[("/t", Some(b" \n"))]), [format!("{start}is empty{end}")]);
    assert_eq!(text(&[("/t", Some(b"\xff"))]), [format!("{start}is not text{end}")]);
    let without = found(&[identity], &[("/t", Some(b"token"))]).of_credentials;
    let text = "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN: set AWS_ROLE_ARN to the role's ARN";
    assert_eq!(without, [text]);
    let container = [("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t")];
    let text =
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE \"/t\" is empty: expected a file with a token";
    assert_eq!(found(&container, &[("/t", Some(b""))]).of_credentials, [text]);
    let text = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE \"/t\" has spaces or a line break around the \
                token: remove them";
    assert_eq!(found(&container, &[("/t", Some(b"token\n"))]).of_credentials, [text]);
    let config: &[u8] = b"[default]\nrole_arn = arn\nweb_identity_token_file = /t\n";
    let text = "web_identity_token_file of profile \"default\": \"/t\" cannot be read: entity not \
                found: expected a file with a token";
    assert_eq!(found(&[("AWS_CONFIG_FILE", "/x")], &[("/x", Some(config))]).of_credentials, [text]);
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_the_files() {
    let named = [("AWS_CONFIG_FILE", "/c"), ("AWS_SHARED_CREDENTIALS_FILE", "/s")];
    // Without `profile` it is no profile in a configuration file.
    let files: [(&str, Option<&[u8]>); 2] =
        [("/c", Some(b"[other]\nregion = x\n")), ("/s", Some(GOOD))];
    assert_eq!(
        of_files(&found_with(Some("other"), &named, &files)),
        "--profile \"other\": profile not found in AWS_CONFIG_FILE \"/c\" or AWS_SHARED_CREDENTIALS_FILE \"/s\": \
         expected [profile other] in the configuration file or [other] in the credentials \
         file"
    );
    let variable = found(&[("AWS_PROFILE", "other"), ("HOME", "/h")], &[]);
    assert!(
        of_files(&variable).starts_with(
            "AWS_PROFILE \"other\": profile not found in /h/.aws/config or /h/.aws/credentials: "
        ),
        "{variable:?}"
    );
}

#[test]
fn profiles_that_need_another_program() {
    let role = "[default]\nrole_arn = arn\nsource_profile = last\n[profile last]\n";
    for (config, expected) in [
        ("[default]\nsso_session = x\n".to_owned(), "profile \"default\" has sso_session, "),
        ("[default]\nsso_start_url = x\n".to_owned(), "profile \"default\" has sso_start_url, "),
        (
            "[default]\ncredential_process = x\n".to_owned(),
            "profile \"default\" has credential_process, ",
        ),
        ("[default]\nlogin_session = x\n".to_owned(), "profile \"default\" has login_session, "),
        (format!("{role}sso_account_id = x\n"), "profile \"last\" has sso_account_id, "),
    ] {
        let mistakes = found(&[("AWS_CONFIG_FILE", "/x")], &[("/x", Some(config.as_bytes()))]);
        let text = mistakes.unsupported.expect("a reason");
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("aws configure export-credentials --profile "), "{text}");
    }
    let circle = b"[default]\nrole_arn = a\nsource_profile = default\n";
    let circle = found(&[("AWS_CONFIG_FILE", "/x")], &[("/x", Some(circle))]);
    assert_eq!(circle.unsupported, None);
}
