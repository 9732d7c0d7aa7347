/// What has come on a stream until now.
public struct HTTP2Response: Sendable {
    public internal(set) var interim: [HTTP2Fields] = []
    public internal(set) var head: HTTP2Fields?
    public internal(set) var body: [UInt8] = []
    public internal(set) var trailers: HTTP2Fields?
    /// The payloads' lengths of its DATA frames.
    public internal(set) var dataLengths: [Int] = []
    /// END_STREAM has come.
    public internal(set) var hasEnded = false
    /// The code of the server's RST_STREAM.
    public internal(set) var resetCode: UInt32?

    public var status: Int { head?[":status"].flatMap(Int.init) ?? 0 }
    public var text: String { String(decoding: body, as: UTF8.self) }
    /// Whether nothing more comes.
    public var isOver: Bool { hasEnded || resetCode != nil }
    public subscript(name: String) -> String? { head?[name] }
}

extension HTTP2Response: CustomStringConvertible {
    public var description: String {
        let code = resetCode.map { ", reset with \(HTTP2Code(rawValue: $0).map { "\($0)" } ?? "\($0)")" } ?? ""
        let head = head.map { "status \($0[":status"] ?? "?")" } ?? "no head"
        return "\(head), \(body.count) bytes\(trailers == nil ? "" : ", trailers")\(hasEnded ? ", ended" : "")\(code)"
    }
}
