//! Forms that visitors send.

use std::pin::pin;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use http_body::Body;
use tokio::time::timeout;

use super::limits::Limits;
use super::route::parameter;

/// The fields of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form(String);

impl Form {
    /// Reads a form.
    ///
    /// What comes from another site's page is refused where the browser says so; the token in the form holds where it does not.
    pub(crate) async fn read<B>(headers: &HeaderMap, body: B, limits: &Limits) -> Result<Self, StatusCode>
    where
        B: Body<Data = Bytes>,
    {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
        if !matches!(site, None | Some(b"same-origin" | b"none")) {
            return Err(StatusCode::FORBIDDEN);
        }
        let bytes = timeout(limits.form_time, collect(body, limits.form_bytes_max));
        let bytes = bytes.await.map_err(|_| StatusCode::REQUEST_TIMEOUT)??;
        String::from_utf8(bytes).map(Self).map_err(|_| StatusCode::BAD_REQUEST)
    }

    /// The bytes of a field; empty where there is none.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        parameter(&self.0, name).unwrap_or_default()
    }

    /// The text of a field, without space around it.
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(name)).trim().to_owned()
    }
}

async fn collect<B: Body<Data = Bytes>>(body: B, max: usize) -> Result<Vec<u8>, StatusCode> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    loop {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
        let Some(frame) = frame else { return Ok(bytes) };
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > max - bytes.len() {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.extend_from_slice(&data);
    }
}
