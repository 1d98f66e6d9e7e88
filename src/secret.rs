//! Hides what is a password or a name to log in with, among options of a mount and keys of the kernel.

use crate::shown::without_passwords;

/// Options of a mount, with `***` for the values of those that hold a secret.
pub fn mount_options(options: &str) -> String {
    let mut shown: Vec<String> = Vec::new();
    // Whether the option before was a secret, which may have a comma in it.
    let mut is_after_secret = false;
    for option in options.split(',') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        if is_secret_option(name) && option.contains('=') {
            shown.push(format!("{name}=***"));
            is_after_secret = true;
        } else if is_after_secret && !is_option(name, value) {
            // The rest of a password.
        } else {
            shown.push(option.to_owned());
            is_after_secret = false;
        }
    }
    shown.into_iter().map(|option| device(&option)).collect::<Vec<_>>().join(",")
}

/// A device, which may be a URL or, with programs such as curlftpfs and sshfs,
/// `curlftpfs#user:password@server`. Of a URL the question is hidden, too: services sign with one.
pub fn device(device: &str) -> String {
    let (program, rest) = match device.split_once('#') {
        Some((program, rest)) if rest.contains('@') => (&device[..=program.len()], rest),
        _ => ("", device),
    };
    // cifs takes `//user%password@server/share`, and a password may have any character.
    let rest = match (rest.strip_prefix("//"), rest.rfind('@')) {
        (Some(_), Some(at)) => format!("//***{}", &rest[at..]),
        _ => without_passwords(rest).into_owned(),
    };
    match rest.split_once('?') {
        Some((before, _)) if before.contains("://") => format!("{program}{before}?***"),
        _ => format!("{program}{rest}"),
    }
}

/// Names of cifs, davfs, sshfs, ceph, gfs and others: they have in common how they are called.
fn is_secret_option(name: &str) -> bool {
    let name = name.to_lowercase();
    // Such as key, api_key and account-key, and not keyring or keysize.
    let is_key = name.ends_with("key");
    is_key || EXACTLY.contains(&&*name) || PARTS.iter().any(|part| name.contains(part))
}

/// Whether a text behind a secret is an option, and not the rest of the secret: after a comma in a password
/// it cannot be told, so only what is well known counts.
fn is_option(name: &str, value: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    (value.is_empty() && KNOWN.contains(&name))
        || is_secret_option(name)
        || (!value.is_empty() && KNOWN_WITH_VALUE.contains(&name) && name.chars().all(is_word))
}

/// Whether a key of the kernel holds a secret.
#[cfg(target_os = "linux")]
pub fn is_secret_key(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    last.ends_with("_key") || PARTS.iter().any(|part| last.contains(part))
}

const EXACTLY: &[&str] = &[
    "user",
    "username",
    "usr",
    "pass",
    "pw",
    "dom",
    "domain",
    "cred",
    "credentials",
    "auth",
    "psk",
    "pin",
    "sas",
    "sig",
    "signature",
];
const PARTS: &[&str] = &["pass", "secret", "token", "credential", "pwd", "access_key"];

const KNOWN: &[&str] = &[
    "rw",
    "ro",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "auto",
    "noauto",
    "nouser",
    "users",
    "sync",
    "async",
    "atime",
    "noatime",
    "relatime",
    "diratime",
    "nodiratime",
    "defaults",
    "_netdev",
    "nofail",
    "soft",
    "hard",
    "guest",
    "mand",
    "nomand",
    "serverino",
    "noserverino",
    "mapposix",
    "nobrl",
    "bind",
    "rbind",
    "discard",
    "lazytime",
    "seal",
    "sign",
    "multiuser",
    "noperm",
];
const KNOWN_WITH_VALUE: &[&str] = &[
    "vers",
    "uid",
    "gid",
    "file_mode",
    "dir_mode",
    "iocharset",
    "cache",
    "sec",
    "addr",
    "rsize",
    "wsize",
    "bsize",
    "mode",
    "size",
    "retrans",
    "timeo",
    "proto",
    "port",
    "x-systemd.automount",
    "actimeo",
    "echo_interval",
    "closetimeo",
    "soft",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_names_to_log_in_with_are_hidden_and_all_else_stays() {
        for (options, expected) in [
            ("rw,noatime,errors=remount-ro", "rw,noatime,errors=remount-ro"),
            ("username=joe,password=hunter2,vers=3.0", "username=***,password=***,vers=3.0"),
            ("pass=a,b=c,d,uid=7,rw", "pass=***,uid=7,rw"),
            ("PASSWD=x,password2=y,ro", "PASSWD=***,password2=***,ro"),
            ("credentials=/root/.smb,user=joe%hunter2", "credentials=***,user=***"),
            ("user,noauto", "user,noauto"),
            ("secret=AQ==,name=admin,secretfile=/etc/ceph/s", "secret=***,secretfile=***"),
            ("x-systemd.automount,ssh_token=abc", "x-systemd.automount,ssh_token=***"),
            ("lowerdir=/a:/b,upperdir=/c", "lowerdir=/a:/b,upperdir=/c"),
            (
                "api_key=a,account-key=b,KEY=c,sslkey=d",
                "api_key=***,account-key=***,KEY=***,sslkey=***",
            ),
            ("keyring=d,psk=a,sas=b,sig=c,pin=1", "keyring=d,psk=***,sas=***,sig=***,pin=***"),
            // The rest of a password may look like an option without a value.
            ("password=a,rw=b,dev=c,ro", "password=***,ro"),
            ("url=https://joe:pw@h/x?sig=abc&b=c,ro", "url=https://***@h/x?***,ro"),
            ("", ""),
        ] {
            assert_eq!(mount_options(options), expected, "{options}");
        }
    }

    #[test]
    fn a_device_shows_no_password_and_no_signature() {
        for (name, expected) in [
            ("/dev/sda1", "/dev/sda1"),
            ("UUID=12-34", "UUID=12-34"),
            ("//server/share", "//server/share"),
            ("//joe%hunter2@server/share", "//***@server/share"),
            ("//joe:hunt@er2@server/share", "//***@server/share"),
            ("joe@server:/srv", "joe@server:/srv"),
            ("server:/srv/what?", "server:/srv/what?"),
            ("sshfs#joe@server:", "sshfs#joe@server:"),
            ("curlftpfs#joe:hunter2@server", "curlftpfs#***@server"),
            ("https://server/a?sv=1&sig=hunter2", "https://server/a?***"),
            ("https://joe:hunter2@server/a?sig=hunter3", "https://***@server/a?***"),
        ] {
            assert_eq!(device(name), expected, "{name}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_key_of_the_kernel_is_a_secret_by_its_last_name() {
        for (name, expected) in [
            ("net.ipv6.conf.eth0.stable_secret", true),
            ("net.ipv4.tcp_fastopen_key", true),
            ("kernel.keys.maxkeys", false),
            ("vm.swappiness", false),
        ] {
            assert_eq!(is_secret_key(name), expected, "{name}");
        }
    }
}
