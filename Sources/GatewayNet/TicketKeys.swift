import COpenSSL
import GatewayCore
import Synchronization

/// The keys of session tickets (RFC 5077, RFC 8446 § 4.6.1): one set for all workers, made anew as they age.
///
/// A key encrypts for ``rotationSeconds``, then decrypts for as long again, and is forgotten: what is recorded today
/// can't be read with what is in memory the day after tomorrow.
enum TicketKeys {
    struct Key {
        let name: [UInt8]  // 16 bytes, on the wire
        let cipherKey: [UInt8]  // AES-256-CBC
        let macKey: [UInt8]  // HMAC-SHA-256
        let madeAt: MonotonicTime

        init(now: MonotonicTime) {
            name = Self.random(16)
            cipherKey = Self.random(32)
            macKey = Self.random(32)
            madeAt = now
        }

        private static func random(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            precondition(unsafe RAND_bytes(&bytes, Int32(count)) == 1, "OpenSSL has no randomness")
            return bytes
        }
    }

    static let rotationSeconds: UInt64 = 12 * 3600

    /// The newest first.
    private static let keys = Mutex<[Key]>([])

    private static func current() -> Key {
        let now = MonotonicTime.now()
        return keys.withLock { keys in
            keys.removeAll { now.nanoseconds(since: $0.madeAt) > 2 * rotationSeconds * 1_000_000_000 }
            if let newest = keys.first, now.nanoseconds(since: newest.madeAt) < rotationSeconds * 1_000_000_000 { return newest }
            let fresh = Key(now: now)
            keys.insert(fresh, at: 0)
            return fresh
        }
    }

    private static func find(_ name: [UInt8]) -> (key: Key, isNewest: Bool)? {
        let now = MonotonicTime.now()
        return keys.withLock { keys in
            guard let index = keys.firstIndex(where: { $0.name == name }) else { return nil }
            let age = now.nanoseconds(since: keys[index].madeAt)
            return age > 2 * rotationSeconds * 1_000_000_000 ? nil : (keys[index], index == 0)
        }
    }

    /// SSL_CTX_set_tlsext_ticket_key_evp_cb(3). The pointers are OpenSSL's, valid for the call: 16 bytes of key name, EVP_MAX_IV_LENGTH of IV.
    static let callback:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?, Int32
        ) -> Int32 = { ssl, name, iv, cipher, mac, isEncrypting in
            guard let name = unsafe name, let iv = unsafe iv else { return -1 }
            if isEncrypting == 1 {
                let key = current()
                for index in 0..<16 { unsafe name[index] = key.name[index] }
                guard unsafe RAND_bytes(iv, 16) == 1, unsafe prepare(key, iv, cipher, mac, isEncrypting: true) else { return -1 }
                return 1
            }
            guard let (key, isNewest) = find((0..<16).map { unsafe name[$0] }) else { return 0 }
            guard unsafe prepare(key, iv, cipher, mac, isEncrypting: false) else { return -1 }
            // 2: good, and the client gets a new ticket. A client uses a ticket of TLS 1.3 once (RFC 8446 § C.4): without a new one every
            // other of its handshakes would be a full one.
            return unsafe isNewest && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2
        }

    private static func prepare(
        _ key: Key, _ iv: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?, _ mac: OpaquePointer?, isEncrypting: Bool
    ) -> Bool {
        unsafe EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipherKey, iv, isEncrypting ? 1 : 0) == 1
            && gateway_EVP_MAC_set_key_sha256(mac, key.macKey, key.macKey.count) == 1
    }
}
