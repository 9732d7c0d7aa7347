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

    /// The field that `name` names in lower case, as HTTP/2 spells it; `other` if it has a capital.
    @inlinable
    init(lowerCase name: RawSpan) {
        self = Self.knownInLowerCase(name)
    }

    @inlinable
    static func known(_ name: RawSpan) -> FieldName { find(name.byteCount) { name.equalsIgnoringCase($0) } }

    @inlinable
    static func knownInLowerCase(_ name: RawSpan) -> FieldName { find(name.byteCount) { name.equals($0) } }

    @inlinable @inline(__always)
    static func find(_ length: Int, _ isNamed: (StaticString) -> Bool) -> FieldName {
        switch length {
        case 2:
            if isNamed("te") { return .te }
        case 3:
            if isNamed("via") { return .via }
            if isNamed("age") { return .age }
        case 4:
            if isNamed("host") { return .host }
            if isNamed("date") { return .date }
            if isNamed("etag") { return .etag }
            if isNamed("vary") { return .vary }
        case 5:
            if isNamed("range") { return .range }
            if isNamed("allow") { return .allow }
        case 6:
            if isNamed("expect") { return .expect }
            if isNamed("server") { return .server }
            if isNamed("origin") { return .origin }
            if isNamed("cookie") { return .cookie }
            if isNamed("accept") { return .accept }
            if isNamed("pragma") { return .pragma }
        case 7:
            if isNamed("trailer") { return .trailer }
            if isNamed("upgrade") { return .upgrade }
            if isNamed("referer") { return .referer }
            if isNamed("expires") { return .expires }
        case 8:
            if isNamed("if-match") { return .ifMatch }
            if isNamed("if-range") { return .ifRange }
            if isNamed("location") { return .location }
        case 9:
            if isNamed("forwarded") { return .forwarded }
            if isNamed("x-real-ip") { return .xRealIP }
            if isNamed("x-api-key") { return .xAPIKey }
        case 10:
            if isNamed("connection") { return .connection }
            if isNamed("keep-alive") { return .keepAlive }
            if isNamed("user-agent") { return .userAgent }
            if isNamed("set-cookie") { return .setCookie }
            if isNamed("tracestate") { return .tracestate }
        case 11:
            if isNamed("retry-after") { return .retryAfter }
            if isNamed("traceparent") { return .traceparent }
        case 12:
            if isNamed("content-type") { return .contentType }
            if isNamed("x-request-id") { return .xRequestID }
            if isNamed("max-forwards") { return .maxForwards }
        case 13:
            if isNamed("content-range") { return .contentRange }
            if isNamed("authorization") { return .authorization }
            if isNamed("accept-ranges") { return .acceptRanges }
            if isNamed("if-none-match") { return .ifNoneMatch }
            if isNamed("cache-control") { return .cacheControl }
            if isNamed("last-modified") { return .lastModified }
        case 14:
            if isNamed("content-length") { return .contentLength }
        case 15:
            if isNamed("x-forwarded-for") { return .xForwardedFor }
            if isNamed("accept-encoding") { return .acceptEncoding }
            if isNamed("accept-language") { return .acceptLanguage }
            if isNamed("idempotency-key") { return .idempotencyKey }
        case 16:
            if isNamed("proxy-connection") { return .proxyConnection }
            if isNamed("content-encoding") { return .contentEncoding }
            if isNamed("content-language") { return .contentLanguage }
            if isNamed("x-forwarded-host") { return .xForwardedHost }
            if isNamed("x-forwarded-port") { return .xForwardedPort }
            if isNamed("www-authenticate") { return .wwwAuthenticate }
        case 17:
            if isNamed("transfer-encoding") { return .transferEncoding }
            if isNamed("x-forwarded-proto") { return .xForwardedProto }
            if isNamed("if-modified-since") { return .ifModifiedSince }
        case 18:
            if isNamed("proxy-authenticate") { return .proxyAuthenticate }
        case 19:
            if isNamed("proxy-authorization") { return .proxyAuthorization }
            if isNamed("if-unmodified-since") { return .ifUnmodifiedSince }
        case 25:
            if isNamed("proxy-authentication-info") { return .proxyAuthenticationInfo }
        case 29:
            if isNamed("access-control-request-method") { return .accessControlRequestMethod }
        case 30:
            if isNamed("access-control-request-headers") { return .accessControlRequestHeaders }
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
