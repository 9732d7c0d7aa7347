import GatewayCore

/// The fields the gateway knows by name; `other` is any field else. At most 64, so that a set of them is one word.
public enum FieldName: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case other = 0
    case host, connection, contentLength, transferEncoding, te, trailer, upgrade, keepAlive, proxyConnection, proxyAuthenticate
    case proxyAuthorization, proxyAuthenticationInfo, expect, date, server, via, contentType, contentEncoding, contentLanguage
    case contentRange, forwarded, xForwardedFor, xForwardedProto, xForwardedHost, xForwardedPort, xRealIP, xRequestID, xAPIKey, userAgent
    case referer, origin, authorization, wwwAuthenticate, cookie, setCookie, accept, acceptEncoding, acceptLanguage, acceptRanges, range
    case ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifRange, maxForwards, location, cacheControl, pragma, age, etag
    case expires, lastModified, vary, retryAfter, allow, accessControlRequestMethod, accessControlRequestHeaders, idempotencyKey
    case traceparent, tracestate

    /// The field that `name` names, in whatever case.
    @inlinable
    public init(_ name: RawSpan) {
        self = Self.known(name)
    }

    @inlinable
    static func known(_ name: RawSpan) -> FieldName {
        switch name.byteCount {
        case 2:
            if name.equalsIgnoringCase("te") { return .te }
        case 3:
            if name.equalsIgnoringCase("via") { return .via }
            if name.equalsIgnoringCase("age") { return .age }
        case 4:
            if name.equalsIgnoringCase("host") { return .host }
            if name.equalsIgnoringCase("date") { return .date }
            if name.equalsIgnoringCase("etag") { return .etag }
            if name.equalsIgnoringCase("vary") { return .vary }
        case 5:
            if name.equalsIgnoringCase("range") { return .range }
            if name.equalsIgnoringCase("allow") { return .allow }
        case 6:
            if name.equalsIgnoringCase("expect") { return .expect }
            if name.equalsIgnoringCase("server") { return .server }
            if name.equalsIgnoringCase("origin") { return .origin }
            if name.equalsIgnoringCase("cookie") { return .cookie }
            if name.equalsIgnoringCase("accept") { return .accept }
            if name.equalsIgnoringCase("pragma") { return .pragma }
        case 7:
            if name.equalsIgnoringCase("trailer") { return .trailer }
            if name.equalsIgnoringCase("upgrade") { return .upgrade }
            if name.equalsIgnoringCase("referer") { return .referer }
            if name.equalsIgnoringCase("expires") { return .expires }
        case 8:
            if name.equalsIgnoringCase("if-match") { return .ifMatch }
            if name.equalsIgnoringCase("if-range") { return .ifRange }
            if name.equalsIgnoringCase("location") { return .location }
        case 9:
            if name.equalsIgnoringCase("forwarded") { return .forwarded }
            if name.equalsIgnoringCase("x-real-ip") { return .xRealIP }
            if name.equalsIgnoringCase("x-api-key") { return .xAPIKey }
        case 10:
            if name.equalsIgnoringCase("connection") { return .connection }
            if name.equalsIgnoringCase("keep-alive") { return .keepAlive }
            if name.equalsIgnoringCase("user-agent") { return .userAgent }
            if name.equalsIgnoringCase("set-cookie") { return .setCookie }
            if name.equalsIgnoringCase("tracestate") { return .tracestate }
        case 11:
            if name.equalsIgnoringCase("retry-after") { return .retryAfter }
            if name.equalsIgnoringCase("traceparent") { return .traceparent }
        case 12:
            if name.equalsIgnoringCase("content-type") { return .contentType }
            if name.equalsIgnoringCase("x-request-id") { return .xRequestID }
            if name.equalsIgnoringCase("max-forwards") { return .maxForwards }
        case 13:
            if name.equalsIgnoringCase("content-range") { return .contentRange }
            if name.equalsIgnoringCase("authorization") { return .authorization }
            if name.equalsIgnoringCase("accept-ranges") { return .acceptRanges }
            if name.equalsIgnoringCase("if-none-match") { return .ifNoneMatch }
            if name.equalsIgnoringCase("cache-control") { return .cacheControl }
            if name.equalsIgnoringCase("last-modified") { return .lastModified }
        case 14:
            if name.equalsIgnoringCase("content-length") { return .contentLength }
        case 15:
            if name.equalsIgnoringCase("x-forwarded-for") { return .xForwardedFor }
            if name.equalsIgnoringCase("accept-encoding") { return .acceptEncoding }
            if name.equalsIgnoringCase("accept-language") { return .acceptLanguage }
            if name.equalsIgnoringCase("idempotency-key") { return .idempotencyKey }
        case 16:
            if name.equalsIgnoringCase("proxy-connection") { return .proxyConnection }
            if name.equalsIgnoringCase("content-encoding") { return .contentEncoding }
            if name.equalsIgnoringCase("content-language") { return .contentLanguage }
            if name.equalsIgnoringCase("x-forwarded-host") { return .xForwardedHost }
            if name.equalsIgnoringCase("x-forwarded-port") { return .xForwardedPort }
            if name.equalsIgnoringCase("www-authenticate") { return .wwwAuthenticate }
        case 17:
            if name.equalsIgnoringCase("transfer-encoding") { return .transferEncoding }
            if name.equalsIgnoringCase("x-forwarded-proto") { return .xForwardedProto }
            if name.equalsIgnoringCase("if-modified-since") { return .ifModifiedSince }
        case 18:
            if name.equalsIgnoringCase("proxy-authenticate") { return .proxyAuthenticate }
        case 19:
            if name.equalsIgnoringCase("proxy-authorization") { return .proxyAuthorization }
            if name.equalsIgnoringCase("if-unmodified-since") { return .ifUnmodifiedSince }
        case 25:
            if name.equalsIgnoringCase("proxy-authentication-info") { return .proxyAuthenticationInfo }
        case 29:
            if name.equalsIgnoringCase("access-control-request-method") { return .accessControlRequestMethod }
        case 30:
            if name.equalsIgnoringCase("access-control-request-headers") { return .accessControlRequestHeaders }
        default: break
        }
        return .other
    }

    /// Whether the field is for the next hop alone, with or without Connection naming it (RFC 9110 § 7.6.1).
    @inlinable
    public var isHopByHop: Bool { Self.hopByHop & bit != 0 }

    /// A set of names is a word with the bits of its members.
    @inlinable
    @inline(__always)
    var bit: UInt64 { 1 &<< UInt64(rawValue) }

    @inlinable
    @inline(__always)
    static var hopByHop: UInt64 {
        FieldName.connection.bit | FieldName.keepAlive.bit | FieldName.proxyConnection.bit | FieldName.te.bit | FieldName.trailer.bit
            | FieldName.transferEncoding.bit | FieldName.upgrade.bit | FieldName.proxyAuthenticate.bit | FieldName.proxyAuthorization.bit
            | FieldName.proxyAuthenticationInfo.bit
    }

    /// Whether the field may be sent behind the body: not if it frames, routes, authenticates, modifies the request or
    /// says how to read the content (RFC 9110 § 6.5.1). Of those the gateway knows, only what describes the whole remains.
    public var isAllowedInTrailers: Bool {
        switch self {
        case .other, .etag, .lastModified, .traceparent, .tracestate: true
        default: false
        }
    }

    /// The name in lower case; empty for `other`.
    public var name: StaticString {
        switch self {
        case .other: ""
        case .host: "host"
        case .connection: "connection"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyAuthenticationInfo: "proxy-authentication-info"
        case .expect: "expect"
        case .date: "date"
        case .server: "server"
        case .via: "via"
        case .contentType: "content-type"
        case .contentEncoding: "content-encoding"
        case .contentLanguage: "content-language"
        case .contentRange: "content-range"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedPort: "x-forwarded-port"
        case .xRealIP: "x-real-ip"
        case .xRequestID: "x-request-id"
        case .xAPIKey: "x-api-key"
        case .userAgent: "user-agent"
        case .referer: "referer"
        case .origin: "origin"
        case .authorization: "authorization"
        case .wwwAuthenticate: "www-authenticate"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .acceptLanguage: "accept-language"
        case .acceptRanges: "accept-ranges"
        case .range: "range"
        case .ifMatch: "if-match"
        case .ifNoneMatch: "if-none-match"
        case .ifModifiedSince: "if-modified-since"
        case .ifUnmodifiedSince: "if-unmodified-since"
        case .ifRange: "if-range"
        case .maxForwards: "max-forwards"
        case .location: "location"
        case .cacheControl: "cache-control"
        case .pragma: "pragma"
        case .age: "age"
        case .etag: "etag"
        case .expires: "expires"
        case .lastModified: "last-modified"
        case .vary: "vary"
        case .retryAfter: "retry-after"
        case .allow: "allow"
        case .accessControlRequestMethod: "access-control-request-method"
        case .accessControlRequestHeaders: "access-control-request-headers"
        case .idempotencyKey: "idempotency-key"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        }
    }
}
