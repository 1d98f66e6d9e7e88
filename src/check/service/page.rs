//! What the types have in common that read a page.

use crate::check::http::{Asked, Url};
use crate::check::tls::Trust;
use crate::model::{Details, Form, Setting};

pub const USER: Setting =
    Setting::optional("user", Form::Text, "The user to log in as (HTTP Basic)", "monitor");
pub const PASSWORD: Setting =
    Setting::optional("password", Form::Secret, "The password of the user", "${PASSWORD}");
pub const VERIFY: Setting = Setting::optional(
    "verify",
    Form::YesOrNo,
    "Whether a certificate has to be valid and trusted here; yes by default",
    "no",
);

/// The question for the page that the details name. No redirect is followed: it leads to another page, such
/// as one to log in.
pub fn asked(details: &Details, most: usize) -> Result<Asked, String> {
    let url = Url::parse(details.text("url").unwrap_or_default())?;
    let mut asked = Asked::get(url, most);
    asked.log_in(details.text("user"), details.secret("password"));
    asked.trust = Trust::of(details.is_on_unless_off("verify"));
    Ok(asked)
}
