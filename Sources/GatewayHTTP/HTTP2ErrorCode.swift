/// Why a stream or a connection ends (RFC 9113 § 7).
public enum HTTP2ErrorCode: UInt32, CaseIterable, Sendable, BitwiseCopyable {
    case noError = 0
    case protocolError, internalError, flowControlError, settingsTimeout, streamClosed, frameSizeError, refusedStream, cancel
    case compressionError, connectError, enhanceYourCalm, inadequateSecurity, http11Required

    /// The name of any code: peers may send what no RFC knows.
    public static func name(of code: UInt32) -> StaticString { Self(rawValue: code)?.name ?? "unknown" }

    /// The name in metrics and logs: the RFC's, in lower case.
    public var name: StaticString {
        switch self {
        case .noError: "no_error"
        case .protocolError: "protocol_error"
        case .internalError: "internal_error"
        case .flowControlError: "flow_control_error"
        case .settingsTimeout: "settings_timeout"
        case .streamClosed: "stream_closed"
        case .frameSizeError: "frame_size_error"
        case .refusedStream: "refused_stream"
        case .cancel: "cancel"
        case .compressionError: "compression_error"
        case .connectError: "connect_error"
        case .enhanceYourCalm: "enhance_your_calm"
        case .inadequateSecurity: "inadequate_security"
        case .http11Required: "http_1_1_required"
        }
    }
}
