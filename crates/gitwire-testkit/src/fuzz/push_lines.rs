//! The lines of pushing, and certificates: what is read can be written, and is then read the same.

use gitwire_protocol::message::{PushCertificate, ReportStatusLine, UpdateRequestLine};
use gitwire_types::ObjectFormat;

use super::protocol_lines::again;

/// One line, or a whole certificate, offered to every parser.
pub(super) fn push_lines(data: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        // It is written without a line feed, and one at its end is then taken for none of its own.
        if let Ok(line) = UpdateRequestLine::parse(format, data)
            && !data.ends_with(b"\n\n")
        {
            again(|out| line.write(out), |data| assert_eq!(UpdateRequestLine::parse(format, data), Ok(line)));
        }
        if let Ok(line) = ReportStatusLine::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(ReportStatusLine::parse(format, data), Ok(line)));
        }
        if let Ok(certificate) = PushCertificate::parse(format, data) {
            assert_eq!(
                [certificate.payload(), certificate.signature].concat(),
                data,
                "bytes that nobody signs"
            );
            let text = [&certificate.to_text(), certificate.signature].concat();
            let again = PushCertificate::parse(format, &text).unwrap();
            assert_eq!(again.to_text(), certificate.to_text());
            assert_eq!(again.signature, certificate.signature);
        }
    }
}
