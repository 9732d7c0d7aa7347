import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayPolicy

/// Who is calling, by the key that the request shows. What the key is stays here: everything else knows its name.
extension Worker {
    // MARK: authenticate

    func authenticate(_ id: Handle) -> Verdict {
        if let keys = exchanges[id].location?.policies?.keys, let error = identifyCaller(id, keys) {
            tellLimits(id)
            exchanges[id].askForKey(asBearer: keys.fields.takesBearer, isWrong: error.type != .keyMissing)
            return .refuse(error)
        }
        return .next(.limitCaller)
    }

    private func identifyCaller(_ id: Handle, _ keys: RouteKeys) -> GatewayError? {
        switch keys.fields.find(in: exchanges[id].head.fields) {
        case .missing:
            return GatewayError(.keyMissing, "the request has no API key")
        case .ambiguous:
            return GatewayError(.keyUnknown, "the field of the API key is there more than once")
        case .key(let field, let bytes):
            guard let digest = exchanges[id].digest(ofField: field, bytes, sha256) else {
                return GatewayError(.keyUnknown, "the API key is longer than any key")
            }
            return identifyCaller(id, keys, by: digest)
        }
    }

    private func identifyCaller(_ id: Handle, _ keys: RouteKeys, by digest: SHA256Digest) -> GatewayError? {
        switch keys.table.verdict(on: digest, second: clock.value.nanoseconds(now) / 1_000_000_000) {
        case .unknown:
            return GatewayError(.keyUnknown, "the API key is not known")
        case .expired(let name):
            exchanges[id].keyName = Int32(name)
            return GatewayError(.keyExpired, "the API key has expired")
        case .known(let name):
            exchanges[id].keyName = Int32(name)
            shard.increment(keys.requests(name))
            if exchanges[id].location?.policies?.stripsKey == true { exchanges[id].keepKeyBack(keys.fields) }
            return nil
        }
    }
}

extension Exchange {
    /// nil for a key that is longer than any can be.
    fileprivate func digest(ofField field: Int, _ bytes: Range<Int>, _ sha256: borrowing Cell<SHA256>) -> SHA256Digest? {
        if bytes.count > Limits.apiKeyBytesMax { return nil }
        return sha256.value.digest(of: head.fields.value(field).extracting(bytes))
    }

    fileprivate mutating func keepKeyBack(_ fields: APIKeyFields) {
        fields.keepBack(in: &head.fields)
    }

    /// A 401 has a challenge (RFC 9110 § 15.5.2): a bearer token's (RFC 6750 § 3) only where one would be read. For a key in a field of its
    /// own no scheme is registered; ApiKey is what others say.
    fileprivate mutating func askForKey(asBearer: Bool, isWrong: Bool) {
        policyFields.append(asBearer ? "WWW-Authenticate: Bearer realm=\"" : "WWW-Authenticate: ApiKey realm=\"")
        if let server { policyFields.append(server.name) }
        policyFields.append(asBearer && isWrong ? "\", error=\"invalid_token\"\r\n" : "\"\r\n")
    }

    /// The name of the caller's key; nil where none is known.
    var callerKey: (keys: RouteKeys, name: Int)? {
        guard keyName >= 0, let keys = location?.policies?.keys else { return nil }
        return (keys, Int(keyName))
    }
}
