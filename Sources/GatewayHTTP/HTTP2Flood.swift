/// What a peer sent more of than any use of the protocol explains. Each has its budget in ``Limits``, and ends the connection with
/// GOAWAY and ENHANCE_YOUR_CALM.
public enum HTTP2Flood: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// Requests that are taken back before they are answered (CVE-2023-44487).
    case rapidReset
    /// Frames that make us reset streams (CVE-2025-8671).
    case provokedReset
    /// Requests beyond MAX_CONCURRENT_STREAMS, or beyond what the heads of a connection may hold.
    case refusedStream
    /// CONTINUATION frames within one block (CVE-2024-27316).
    case continuation
    case settings
    case ping
    /// Answers to PING and SETTINGS that wait for a peer which does not read.
    case unreadControl
    /// DATA without content that does not end its stream.
    case emptyData
    /// PRIORITY and PRIORITY_UPDATE.
    case priority
    /// Frames of types that we do not know, and those without a meaning to us.
    case unknownFrame
    /// Frames on streams that are closed, and heads beyond our GOAWAY. A head counts for more, as it is decoded all the same.
    case lateFrame
    /// WINDOW_UPDATE beyond what the data that was sent can explain.
    case windowUpdate
    /// Fields whose names or values are empty.
    case emptyField
    /// Fields that are decoded for HPACK alone: behind what a head was refused for, or of a request that was refused as a whole.
    case hpackBomb

    /// The name in metrics and logs.
    public var name: StaticString {
        switch self {
        case .rapidReset: "rapid_reset"
        case .provokedReset: "provoked_reset"
        case .refusedStream: "excess_streams"
        case .continuation: "continuation"
        case .settings: "settings"
        case .ping: "ping"
        case .unreadControl: "unread_control"
        case .emptyData: "empty_data"
        case .priority: "priority"
        case .unknownFrame: "unknown_frame"
        case .lateFrame: "late_frame"
        case .windowUpdate: "window_update"
        case .emptyField: "empty_field"
        case .hpackBomb: "hpack_bomb"
        }
    }
}
