import CNghttp2
import COpenSSL
import CZlib

/// What runs: the gateway's own version, and the libraries that decide what it speaks.
enum Version {
    static let gateway = "0.1.0"
    static let swift = "6.3"

    static var openSSL: String {
        unsafe String(cString: OpenSSL_version(OPENSSL_VERSION_STRING))
    }

    static var text: String {
        let nghttp2 = unsafe nghttp2_version(0).map { unsafe String(cString: $0.pointee.version_str) } ?? "?"
        let zlib = unsafe String(cString: zlibVersion())
        return "gateway \(gateway) (Swift \(swift), OpenSSL \(openSSL), nghttp2 \(nghttp2), zlib \(zlib))"
    }
}
