//! An error reply of the service: HTTP status, code, message.

use ciborium::Value;

use crate::http::Reply;

/// An error as CloudWatch gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// HTTP status.
    pub status: u16,
    /// As the SDK reports it, in the style of the older query protocol: `Throttling`.
    pub code: String,
    pub message: String,
}

impl Fault {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid_value(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValue", message)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        let message = format!("The parameter {parameter} is required.");
        Self::new(400, "MissingParameter", message)
    }

    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterCombination", message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(413, "RequestEntityTooLarge", message)
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "MalformedHttpRequestException", message)
    }

    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        Self::new(400, "SerializationException", message)
    }

    pub(crate) fn reply(&self) -> Reply {
        let error_type = format!("com.amazonaws.cloudwatch#{}", self.shape());
        let members = Value::Map(vec![
            ("__type".into(), error_type.into()),
            ("message".into(), self.message.as_str().into()),
        ]);
        let mut body = Vec::new();
        ciborium::into_writer(&members, &mut body).expect("writing to memory does not fail");

        let sender = if self.status < 500 { "Sender" } else { "Receiver" };
        let query_error = format!("{};{sender}", self.code);
        Reply::cbor(self.status, body).with("x-amzn-query-error", query_error)
    }

    /// The name in the service's model, which the CBOR body carries, is not always the code.
    fn shape(&self) -> String {
        match self.code.as_str() {
            "MissingParameter" => "MissingRequiredParameterException".to_owned(),
            "InternalServiceError" => "InternalServiceFault".to_owned(),
            "InternalFailure" => "InternalFailure".to_owned(),
            code if code.ends_with("Exception") => code.to_owned(),
            code => format!("{code}Exception"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_names_the_shape_in_the_body_and_the_code_in_the_header() {
        let reply = Fault::missing("Namespace").reply();

        let body: Value = ciborium::from_reader(&reply.body[..]).unwrap();
        let expected = Value::Map(vec![
            ("__type".into(), "com.amazonaws.cloudwatch#MissingRequiredParameterException".into()),
            ("message".into(), "The parameter Namespace is required.".into()),
        ]);
        assert_eq!(body, expected);
        assert_eq!(reply.status, 400);
        assert_eq!(
            reply.headers,
            [
                ("content-type", "application/cbor".to_owned()),
                ("smithy-protocol", "rpc-v2-cbor".to_owned()),
                ("x-amzn-query-error", "MissingParameter;Sender".to_owned()),
            ]
        );
    }

    #[test]
    fn a_server_error_is_the_receivers() {
        let reply = Fault::new(500, "InternalServiceError", "").reply();

        let expected = ("x-amzn-query-error", "InternalServiceError;Receiver".to_owned());
        assert_eq!(reply.headers.last(), Some(&expected));
    }
}
