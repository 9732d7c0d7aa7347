/// Why a stream or a connection ends (RFC 9113 § 7).
public enum HTTP2Code: UInt32, Sendable {
    case noError = 0x0
    case protocolError = 0x1
    case internalError = 0x2
    case flowControlError = 0x3
    case settingsTimeout = 0x4
    case streamClosed = 0x5
    case frameSizeError = 0x6
    case refusedStream = 0x7
    case cancel = 0x8
    case compressionError = 0x9
    case connectError = 0xa
    case enhanceYourCalm = 0xb
    case inadequateSecurity = 0xc
    case http11Required = 0xd
}

/// The settings' identifiers (RFC 9113 § 6.5.2, RFC 8441 § 3, RFC 9218 § 2.1).
public enum HTTP2Setting {
    public static let headerTableSize: UInt16 = 0x1
    public static let enablePush: UInt16 = 0x2
    public static let maxConcurrentStreams: UInt16 = 0x3
    public static let initialWindowSize: UInt16 = 0x4
    public static let maxFrameSize: UInt16 = 0x5
    public static let maxHeaderListSize: UInt16 = 0x6
    public static let enableConnectProtocol: UInt16 = 0x8
    public static let noRFC7540Priorities: UInt16 = 0x9
}
