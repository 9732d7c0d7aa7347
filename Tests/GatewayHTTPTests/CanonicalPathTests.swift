import GatewayCore
import GatewayHTTP
import Testing

/// The canonical path of `path`, nil where it is refused.
private func canonical(_ path: String, mergeSlashes: Bool = true) -> String? {
    guard case .parsed(let request) = outcome(Array(request("GET \(path) HTTP/1.1").utf8)) else { return nil }
    let result = mergeSlashes ? request.merged : request.unmerged
    return result.hasPrefix("/") ? result : nil
}

@Suite struct CanonicalPathTests {
    @Test(arguments: [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/b.c/d", "/a/b.c/d"), ("/a.", "/a."), ("/.a", "/.a"), ("/..a", "/..a"),
        ("/a..", "/a.."), ("/...", "/..."),
        ("/.well-known/x", "/.well-known/x"), ("/a/.../b", "/a/.../b"),
        // Dot segments.
        ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/./", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../", "/"),
        ("/a/b/..", "/a/"), ("/a/b/../", "/a/"),
        ("/a/b/../c", "/a/c"), ("/a/b/../../c", "/c"), ("/a/../b/../c", "/c"), ("/./a", "/a"), ("/././a/.", "/a/"),
        ("/a/b/c/./../../g", "/a/g"),
        // Escaped ones.
        ("/%2e", "/"), ("/%2E/a", "/a"), ("/a/%2e%2e/b", "/b"), ("/a/.%2e/b", "/b"), ("/a/%2e./b", "/b"), ("/a/%2E%2E", "/"),
        ("/a/%2e%2e%2e/b", "/a/.../b"),
        ("/%2e%2ea", "/..a"),
        // Escapes are decoded once, and what stands for itself stays bare.
        ("/%61", "/a"), ("/%41%5a%7A%30%39", "/AZz09"), ("/%2d%2E%5F%7e", "/-._~"),
        ("/%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40", "/!$&'()*+,;=:@"),
        ("/a%2Fb", "/a%2Fb"), ("/a%2fb", "/a%2Fb"), ("/a/..%2fb", "/a/..%2Fb"), ("/a/%2e%2e%2fb", "/a/..%2Fb"), ("/%2f", "/%2F"),
        ("/%2f..", "/%2F.."),
        ("/%25", "/%25"), ("/%2561", "/%2561"), ("/%252e%252e/", "/%252e%252e/"), ("/%252F", "/%252F"), ("/%25%32%65", "/%252e"),
        ("/%3f", "/%3F"), ("/%23", "/%23"),
        ("/%20", "/%20"), ("/%7f", "/%7F"), ("/%01", "/%01"), ("/%0a%0d", "/%0A%0D"), ("/%c3%a9", "/%C3%A9"), ("/%C3%A9", "/%C3%A9"),
        ("/%ff", "/%FF"),
        ("/%c0%ae%c0%ae/", "/%C0%AE%C0%AE/"),
        // What may not stand bare is escaped.
        ("/\"<>^`{|}[]", "/%22%3C%3E%5E%60%7B%7C%7D%5B%5D"), ("/%22%3c%3E%5e%60%7b%7C%7d%5b%5D", "/%22%3C%3E%5E%60%7B%7C%7D%5B%5D"),
        // Slashes.
        ("//", "/"), ("///", "/"), ("//a", "/a"), ("/a//b", "/a/b"), ("/a///b//", "/a/b/"), ("/a//../b", "/b"), ("/a/.//b", "/a/b"),
        ("//.", "/"), ("/.//", "/"),
        ("/a//.", "/a/"), ("//a/..", "/"), ("/a/..//b", "/b"), ("/a//b/../c", "/a/c"), ("/..;/a", "/..;/a"), ("/a;x/../b", "/b"),
    ])
    func `a path has one spelling`(path: String, expected: String) {
        #expect(canonical(path) == expected)
    }

    @Test(arguments: [
        ("//", "//"), ("///", "///"), ("//a", "//a"), ("/a//b", "/a//b"), ("/a//", "/a//"), ("/a//../b", "/a/b"), ("//..", "/"),
        ("//../a", "/a"), ("//.", "//"),
        ("/.//a", "//a"), ("/a/..//b", "//b"), ("/a/.//b", "/a//b"), ("//%2e%2e/a", "/a"), ("/a//%61", "/a//a"), ("/a//../../b", "/b"),
        ("//a/../..", "/"),
        ("/a/b/..", "/a/"), ("/a", "/a"), ("/%2f/", "/%2F/"),
    ])
    func `slashes stay where they count`(path: String, expected: String) {
        #expect(canonical(path, mergeSlashes: false) == expected)
    }

    @Test(arguments: [
        "/..", "/../", "/../a", "/a/../..", "/a/../../b", "/./..", "/%2e%2e", "/%2e%2e/a", "/.%2E/a", "/a/b/../../../c", "/a/../a/../..",
        "/../..",
        "/%00", "/a%00b", "/%5c", "/%5C", "/a%5c..%5cb", "/%", "/%a", "/%zz", "/%0", "/%g0", "/%0g", "/a%", "/a%2", "/%%", "/%%35c",
        "/%u0061", "/% 61", "/a/%2/b",
        "/%\u{2d}1", "/%+1", "/%2e%2e%", "/x%5",
    ])
    func `a path that cannot be read in one way is refused`(path: String) {
        #expect(canonical(path) == nil)
        #expect(canonical(path, mergeSlashes: false) == nil)
    }

    @Test func `an empty segment does not shield the root`() {
        #expect(canonical("//..") == nil)
        #expect(canonical("//../a") == nil)
        #expect(canonical("/a//../..") == nil)
        #expect(canonical("//../..", mergeSlashes: false) == nil)
    }

    @Test func `the query is not touched`() throws {
        let request = try parsed(request("GET /%61/../b?%61/../c%zz HTTP/1.1"))
        #expect(request.merged == "/b")
        #expect(request.query == "%61/../c%zz")
        #expect(request.target == "/%61/../b?%61/../c%zz")
    }

    @Test func `the path of an absolute-form is treated alike`() throws {
        #expect(try parsed(request("GET http://b/a/..//%63 HTTP/1.1")).merged == "/c")
        #expect(try parsed(request("GET http://b/.. HTTP/1.1")).merged == "targetInvalid")
    }

    @Test func `the longest path grows by escaping and passes`() {
        let path = "/" + String(repeating: "<", count: 8000)
        #expect(canonical(path) == "/" + String(repeating: "%3C", count: 8000))
    }

    /// Pseudo-random paths of the pieces that matter.
    private func samples(_ count: Int) -> [String] {
        let pieces = [
            "/", "/", "/", ".", "..", "%2e", "%2E", "a", "b", "%61", "%2f", "%2F", "%25", "%252e", "//", "/./", "/../", "<", "%3c", ";",
            ":", "%c3", "~", "%7E", "%", "%5c",
            "%00", "...",
        ]
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        return (0..<count).map { _ in
            var path = "/"
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            for _ in 0..<(state >> 33) % 9 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                path += pieces[Int((state >> 33) % UInt64(pieces.count))]
            }
            return path
        }
    }

    @Test(arguments: [true, false]) func `a canonical path is its own canonical path`(mergeSlashes: Bool) {
        for path in samples(5000) {
            guard let once = canonical(path, mergeSlashes: mergeSlashes) else { continue }
            #expect(canonical(once, mergeSlashes: mergeSlashes) == once, "\(path)")
        }
    }

    @Test(arguments: [true, false]) func `a canonical path has nothing left to argue about`(mergeSlashes: Bool) {
        for path in samples(5000) {
            guard let once = canonical(path, mergeSlashes: mergeSlashes) else { continue }
            let segments = once.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            #expect(!segments.contains(".") && !segments.contains(".."), "\(path) → \(once)")
            if mergeSlashes { #expect(!once.contains("//"), "\(path) → \(once)") }
            #expect(!once.contains("%2e") && !once.contains("%2f") && !once.contains("%61") && !once.contains("<"), "\(path) → \(once)")
        }
    }

    @Test(arguments: [true, false]) func `it is what a plain model says`(mergeSlashes: Bool) {
        for path in samples(5000) {
            #expect(canonical(path, mergeSlashes: mergeSlashes) == model(path, mergeSlashes), "\(path)")
        }
    }

    @Test func `escaping any byte that may stand bare changes nothing`() {
        for byte in UInt8(0x21)...0x7e where !"/#?%\\".utf8.contains(byte) {
            let bare = "/a" + String(UnicodeScalar(byte)) + "b"
            let hex = String(byte, radix: 16)
            #expect(canonical(bare) == canonical("/a%" + hex + "b"))
            #expect(canonical(bare) == canonical("/a%" + hex.uppercased() + "b"))
        }
    }

    /// The same by strings and arrays: decode, resolve, encode.
    private func model(_ path: String, _ mergeSlashes: Bool) -> String? {
        var segments: [[UInt8]] = [[]]
        let bytes = Array(path.utf8.dropFirst())
        var i = 0
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "/") {
                segments.append([])
            } else if bytes[i] == UInt8(ascii: "%") {
                guard i + 2 < bytes.count, let byte = UInt8(String(decoding: bytes[(i + 1)...(i + 2)], as: UTF8.self), radix: 16) else {
                    return nil
                }
                if byte == 0 || byte == UInt8(ascii: "\\") { return nil }
                segments[segments.count - 1].append(byte)
                i += 2
            } else {
                segments[segments.count - 1].append(bytes[i])
            }
            i += 1
        }
        var kept: [[UInt8]] = []
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case [0x2e]: if isLast { kept.append([]) }
            case [0x2e, 0x2e]:
                if kept.popLast() == nil { return nil }
                if isLast { kept.append([]) }
            case [] where mergeSlashes && !isLast: break
            default: kept.append(segment)
            }
        }
        let literal = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@".utf8)
        return kept.map { segment in
            "/"
                + segment.map { byte in
                    let hex = String(byte, radix: 16, uppercase: true)
                    return literal.contains(byte) ? String(UnicodeScalar(byte)) : "%" + (hex.count == 1 ? "0" : "") + hex
                }.joined()
        }.joined()
    }
}
