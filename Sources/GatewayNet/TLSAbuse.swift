import COpenSSL
import GatewayCore
import Glibc

/// What TLS allows a client that has shaken hands and that costs the server more than the client: each has a bound.
public enum TLSAbuse: Sendable {
    /// New keys over and over (RFC 8446 § 4.6.3); each costs derivations, and asks for an answer.
    case keyUpdates
    /// TLS 1.2's renegotiation, refused with an alert (SSL_OP_NO_RENEGOTIATION): each costs a record and a system call, so the first
    /// is the last.
    case renegotiation

    /// OpenSSL tells of the steps of its state machine, of which there are none per record: behind the handshake one of them is the
    /// receipt of a KeyUpdate.
    static let observe: @convention(c) (OpaquePointer?, Int32, Int32) -> Void = { ssl, place, value in
        switch place {
        case SSL_CB_ACCEPT_LOOP:
            guard unsafe SSL_get_state(ssl) == TLS_ST_SR_KEY_UPDATE, let state = unsafe SocketBIO.state(of: SSL_get_rbio(ssl)) else {
                return
            }
            if unsafe !state.pointee.keyUpdates.take(now: .now()) { unsafe state.pointee.abuse = .keyUpdates }
        case SSL_CB_WRITE_ALERT:
            guard value & 0xff == SSL_AD_NO_RENEGOTIATION, let state = unsafe SocketBIO.state(of: SSL_get_rbio(ssl)) else { return }
            unsafe state.pointee.abuse = .renegotiation
        default: break
        }
    }
}

/// A token bucket: full at first, one more with every second.
struct TLSBudget {
    private var tokens = Limits.keyUpdatesBurst
    private var filledAt: MonotonicTime?

    /// False when there is none left.
    mutating func take(now: MonotonicTime) -> Bool {
        let seconds = Int(clamping: now.nanoseconds(since: filledAt ?? now) / 1_000_000_000)
        if filledAt == nil || seconds > 0 { filledAt = now }
        tokens = min(tokens + min(seconds, Limits.keyUpdatesBurst), Limits.keyUpdatesBurst)
        if tokens == 0 { return false }
        tokens -= 1
        return true
    }
}
