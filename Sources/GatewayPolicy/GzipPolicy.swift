import GatewayConfig
import GatewayCore
import GatewayHTTP

/// Which responses of a location are compressed, and for whom.
public final class GzipPolicy: Sendable {
    public let level: Int
    private let lengthMinBytes: UInt64
    private let types: [[UInt8]]
    private let takesEveryType: Bool

    public init(_ config: GzipConfig) {
        level = config.level
        lengthMinBytes = UInt64(config.lengthMinBytes)
        types = config.types.map { Array($0.utf8) }
        takesEveryType = config.types.contains("*")
    }

    /// What becomes of an origin's response. `length` is that of its content, nil if it isn't known.
    public func coding(
        of response: borrowing ResponseHead, length: UInt64?, to request: borrowing RequestHead
    ) -> ContentCoding {
        if response.status == 304 { return Self.isWeaklyRevalidated(response, by: request) ? .revalidated : .asReceived }
        guard isEligible(status: response.status, length: length), !response.fields.contains(.contentEncoding),
            !response.fields.contains(.contentRange), let type = response.fields.firstIndex(of: .contentType)
        else { return .asReceived }
        let mediaType = response.fields.mediaType(type)
        if !takes(response.fields.value(type).extracting(mediaType)) { return .asReceived }
        if response.fields.forbidsTransforming || response.fields.hasDigest { return .asReceived }
        return Self.isWanted(by: request) ? .gzip : .identity
    }

    /// What becomes of a response that the gateway makes itself, of a media type without parameters.
    public func coding(ofOwn type: StaticString, status: Int, length: Int, to request: borrowing RequestHead) -> ContentCoding {
        let isListed = takesEveryType || types.contains { $0.rawSpan.equalsIgnoringCase(type) }
        if !isListed || !isEligible(status: status, length: UInt64(length)) { return .asReceived }
        return Self.isWanted(by: request) ? .gzip : .identity
    }

    /// Statuses whose content is a representation or says what went wrong, never a part of one (206).
    private func isEligible(status: Int, length: UInt64?) -> Bool {
        switch status {
        case 204, 205, 206: return false
        case 200..<300, 400..<600: break
        default: return false
        }
        guard let length else { return true }
        return length > 0 && length >= lengthMinBytes
    }

    private func takes(_ type: RawSpan) -> Bool {
        // Each event is to be there when it is made: see the WHATWG's event streams. Compressed they gain little and wait long.
        if type.byteCount == 0 || type.equalsIgnoringCase("text/event-stream") { return false }
        if takesEveryType { return true }
        for listed in types where listed.rawSpan.equalsIgnoringCase(type) { return true }
        return false
    }

    /// An HTTP/1.0 client knows no chunks, and content that is compressed as it comes has no length.
    private static func isWanted(by request: borrowing RequestHead) -> Bool {
        request.version != .http10 && request.fields.takesGzip && !request.fields.forbidsTransforming
    }

    /// A strong tag in a 304 would not be that of the weakly tagged response the client has (RFC 9111 § 4.3.4).
    private static func isWeaklyRevalidated(_ response: borrowing ResponseHead, by request: borrowing RequestHead) -> Bool {
        guard let tag = response.fields.firstIndex(of: .etag) else { return false }
        return request.fields.revalidatesWeakly(response.fields.value(tag))
    }
}

/// How a response's content is coded for the client, seen from the origin's.
public enum ContentCoding: Sendable {
    case asReceived
    /// As received, although another client would get gzip: caches must know.
    case identity
    /// No content, but that of an earlier response was compressed.
    case revalidated
    case gzip
}
