import GatewayCore
import GatewayNet
import GatewayPages

/// The page at `/` of the admin listener: one file with its script and style in it. The policy that it comes with lets the browser run that
/// script and no other, and ask this listener alone.
enum LivePage {
    static let page = AdminPage(
        status: 200, contentType: "text/html; charset=utf-8", body: Pages.live, fields: [("Content-Security-Policy", policy)])

    /// Hashes of what stands between the tags, as browsers take them (CSP 3, § 8.4). The icon in the tab is an image in a data: URL.
    private static let policy: String = {
        let directives = [
            "default-src 'none'", "script-src \(hash(of: "script"))", "style-src \(hash(of: "style"))", "img-src data:",
            "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ]
        return directives.joined(separator: "; ")
    }()

    private static func hash(of tag: String) -> String {
        let (opening, closing) = (Array("<\(tag)>".utf8), Array("</\(tag)>".utf8))
        guard let start = Pages.live.firstRange(of: opening)?.upperBound,
            let end = Pages.live[start...].firstRange(of: closing)?.lowerBound
        else { preconditionFailure("the live page has no \(tag)") }
        var sha256 = SHA256()
        let digest = sha256.digest(of: Array(Pages.live[start..<end]).rawSpan)
        return "'sha256-\(String(decoding: Base64.encode(digest.bytes), as: UTF8.self))'"
    }
}
