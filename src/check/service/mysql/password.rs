//! What is sent in place of a password: hashes that are good for one challenge.

use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// For `mysql_native_password`.
pub fn native(password: &str, challenge: &[u8]) -> Vec<u8> {
    let once = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[password.as_bytes()]);
    let twice = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&once]);
    let mask = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[challenge, &twice]);
    masked(password, &once, &mask)
}

/// For `caching_sha2_password`, as far as the server remembers the user.
pub fn caching_sha2(password: &str, challenge: &[u8]) -> Vec<u8> {
    let once = hash(&SHA256, &[password.as_bytes()]);
    let twice = hash(&SHA256, &[&once]);
    let mask = hash(&SHA256, &[&twice, challenge]);
    masked(password, &once, &mask)
}

/// No password is sent as nothing.
fn masked(password: &str, once: &[u8], mask: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    once.iter().zip(mask).map(|(one, other)| one ^ other).collect()
}

fn hash(algorithm: &'static Algorithm, parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The expected ones are made with Python's hashlib, by the formulas of the protocol's documents.
    #[test]
    fn hashes_are_those_of_the_protocol() {
        let challenge: Vec<u8> = (1..=20).collect();
        assert_eq!(hex(&native("hunter2", &challenge)), NATIVE);
        assert_eq!(hex(&caching_sha2("hunter2", &challenge)), SHA2);
        assert!(native("", &challenge).is_empty() && caching_sha2("", &challenge).is_empty());
    }

    const NATIVE: &str = "be2cbec13fd268cf921774da8dde99447d699455";
    const SHA2: &str = "04917479a40a673ae2388df86966d1b73768b4452df9a624881d93be865dc44c";
}
