/// Why a request was refused, failed or ended early: the closed list that the client's problem document, the log
/// and the metrics share as `error_type`.
public enum ErrorType: UInt8, CaseIterable, Sendable {
    // The client's request.
    case requestLineInvalid, targetInvalid, fieldInvalid, hostInvalid, framingInvalid, chunkInvalid
    case versionUnsupported, transferCodingUnsupported, methodUnsupported, expectationUnsupported
    case requestLineTooLong, headTooLarge, fieldsTooMany, bodyTooLarge, http2Invalid, http2Flood
    case headerTimeout, bodyTimeout, sendTimeout, clientClosed, misdirected, notFound
    case clientCertificateRequired, clientCertificateInvalid
    case keyMissing, keyUnknown, keyExpired, rateLimited, corsRefused, accessDenied, notCached
    // The exchange as a whole.
    case requestTimeout
    // The origin.
    case noServer, upstreamBusy, connectFailed, connectTimeout, upstreamClosed, upstreamSendTimeout, upstreamReadTimeout
    case upstreamInvalid, upstreamTruncated, upstreamTLS, upgradeUnsupported
    // The gateway.
    case shuttingDown, snapshotRetired, connectionsExhausted, connectionLimit, maintenance

    /// The name in documents, logs and metrics.
    public var name: StaticString {
        switch self {
        case .requestLineInvalid: "request_line_invalid"
        case .targetInvalid: "target_invalid"
        case .fieldInvalid: "field_invalid"
        case .hostInvalid: "host_invalid"
        case .framingInvalid: "framing_invalid"
        case .chunkInvalid: "chunk_invalid"
        case .versionUnsupported: "version_unsupported"
        case .transferCodingUnsupported: "transfer_coding_unsupported"
        case .methodUnsupported: "method_unsupported"
        case .expectationUnsupported: "expectation_unsupported"
        case .requestLineTooLong: "request_line_too_long"
        case .headTooLarge: "head_too_large"
        case .fieldsTooMany: "fields_too_many"
        case .bodyTooLarge: "body_too_large"
        case .http2Invalid: "http2_invalid"
        case .http2Flood: "http2_flood"
        case .headerTimeout: "header_timeout"
        case .bodyTimeout: "body_timeout"
        case .sendTimeout: "send_timeout"
        case .requestTimeout: "request_timeout"
        case .clientClosed: "client_closed"
        case .misdirected: "misdirected"
        case .notFound: "not_found"
        case .clientCertificateRequired: "client_certificate_required"
        case .clientCertificateInvalid: "client_certificate_invalid"
        case .keyMissing: "key_missing"
        case .keyUnknown: "key_unknown"
        case .keyExpired: "key_expired"
        case .rateLimited: "rate_limited"
        case .corsRefused: "cors_refused"
        case .accessDenied: "access_denied"
        case .notCached: "not_cached"
        case .noServer: "no_server"
        case .upstreamBusy: "upstream_busy"
        case .connectFailed: "connect_failed"
        case .connectTimeout: "connect_timeout"
        case .upstreamClosed: "upstream_closed"
        case .upstreamSendTimeout: "upstream_send_timeout"
        case .upstreamReadTimeout: "upstream_read_timeout"
        case .upstreamInvalid: "upstream_invalid"
        case .upstreamTruncated: "upstream_truncated"
        case .upstreamTLS: "upstream_tls"
        case .upgradeUnsupported: "upgrade_unsupported"
        case .shuttingDown: "shutting_down"
        case .snapshotRetired: "snapshot_retired"
        case .connectionsExhausted: "connections_exhausted"
        case .connectionLimit: "connection_limit"
        case .maintenance: "maintenance"
        }
    }

    /// The one place that maps a reason to a status (RFC 9110 § 15; 499 is nginx's, for the log alone).
    public var status: Int {
        switch self {
        case .requestLineInvalid, .targetInvalid, .fieldInvalid, .hostInvalid, .framingInvalid, .chunkInvalid: 400
        // As nginx's 495 and 496 reach the client.
        case .clientCertificateRequired, .clientCertificateInvalid: 400
        // For the log alone: a connection is ended by GOAWAY, a stream by RST_STREAM.
        case .http2Invalid, .http2Flood: 400
        case .keyMissing, .keyUnknown, .keyExpired: 401
        // The answer lacks what would allow the page its request: it is the browser that refuses (WHATWG Fetch § 4.9).
        case .corsRefused: 204
        case .accessDenied: 403
        case .notFound: 404
        case .headerTimeout, .bodyTimeout: 408
        case .bodyTooLarge: 413
        case .requestLineTooLong: 414
        case .expectationUnsupported: 417
        case .misdirected: 421
        case .rateLimited: 429
        case .headTooLarge, .fieldsTooMany: 431
        case .clientClosed, .sendTimeout: 499
        case .transferCodingUnsupported, .methodUnsupported: 501
        case .connectFailed, .upstreamClosed, .upstreamInvalid, .upstreamTruncated, .upstreamTLS, .upgradeUnsupported: 502
        case .noServer, .upstreamBusy, .shuttingDown, .snapshotRetired, .connectionsExhausted, .connectionLimit, .maintenance: 503
        case .connectTimeout, .upstreamSendTimeout, .upstreamReadTimeout, .requestTimeout, .notCached: 504
        case .versionUnsupported: 505
        }
    }
}

extension ErrorType {
    /// What Retry-After tells the client, in seconds (RFC 9110 § 10.2.3); nil sends none.
    public var retryAfterS: Int? {
        switch self {
        case .connectionsExhausted, .connectionLimit: Limits.retryAfterS
        default: nil
        }
    }
}

/// A reason with a sentence that says what exactly was wrong. The sentence is ours: it never repeats a peer's bytes.
public struct GatewayError: Error, Sendable {
    public let type: ErrorType
    public let detail: StaticString

    @inlinable
    public init(_ type: ErrorType, _ detail: StaticString) {
        self.type = type
        self.detail = detail
    }
}
